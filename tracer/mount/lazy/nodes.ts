/** The visible tree of eStargz layers as numbered nodes: names, attributes, and where each file's content is in the blobs. Pure. */

import type { Chunk, EstargzEntry, EstargzLayer } from '../../../image/estargz/read/reader.ts'
import { mergeLayers, type Owned } from '../../../image/rootfs/merge-layers.ts'
import { type BytePath, baseOf, parentOf } from '../../../system/text/byte-path.ts'
import {
  type DirectoryEntry,
  type NodeAttributes,
  type NodeId,
  type NodeType,
  ROOT_NODE,
} from '../file-system.ts'

/** Content of a file: chunks of one layer. */
export interface LazyFile {
  /** its place among the layers, base first */
  readonly layer: number
  /** in order, without gaps; each where it is fetched soonest */
  readonly chunks: readonly Chunk[]
}

export interface LazyNode extends LazyFile {
  readonly attributes: NodeAttributes
  readonly entry: EstargzEntry | undefined
  readonly children: Map<string, DirectoryEntry>
}

/** By number; the first place is empty. */
export type LazyNodes = readonly (LazyNode | undefined)[]

/** What is at a path, symlinks not followed; undefined: nothing. */
export function nodeAt(nodes: LazyNodes, path: BytePath): LazyNode | undefined {
  let node = nodes[ROOT_NODE]
  for (const name of path === '' ? [] : path.split('/')) {
    const child = node?.children.get(name)
    node = child && nodes[child.node]
  }
  return node
}

/** Chunks that hold any of the file's bytes [start, end). */
export function chunksBetween(chunks: readonly Chunk[], start: number, end: number): readonly Chunk[] {
  let low = 0
  for (let high = chunks.length; low < high; ) {
    const middle = (low + high) >> 1
    const chunk = chunks[middle]
    if (chunk && chunk.fileOffset + chunk.size <= start) low = middle + 1
    else high = middle
  }
  let last = low
  while ((chunks[last]?.fileOffset ?? end) < end) last++
  return chunks.slice(low, last)
}

/**
 * Numbers the visible tree. A hardlink shares the node of what it links to.
 * @param layers base first
 */
export function indexLayers(layers: readonly Pick<EstargzLayer, 'entries'>[]): LazyNodes {
  const tree = mergeLayers(layers.map(({ entries }) => entries))
  const nodes: (LazyNode | undefined)[] = [undefined]
  const byPath = new Map<BytePath, NodeId>()
  const linked = new Map<EstargzEntry, NodeId>()
  const links = countLinks(tree.entries)

  function add(path: BytePath, node: LazyNode): void {
    const id = nodes.push(node) - 1
    byPath.set(path, id)
    if (node.entry) linked.set(node.entry, id)
    attach(path, id, node.attributes.type)
  }

  function attach(path: BytePath, id: NodeId, type: NodeType): void {
    const name = baseOf(path)
    if (path !== '') nodes[byPath.get(parentOf(path)) ?? 0]?.children.set(name, { name, node: id, type })
  }

  const root = tree.entries.get('')
  add('', root ? nodeFor(root.layer, root.entry, 1) : impliedDirectory())
  if (byPath.get('') !== ROOT_NODE) throw new Error('the root has the wrong number')

  const paths = [...tree.entries.keys(), ...tree.implied.keys()].filter((path) => path !== '')
  // A parent sorts before what is in it.
  for (const path of paths.sort()) {
    const owned = tree.entries.get(path)
    if (!owned) {
      add(path, impliedDirectory())
      continue
    }
    if (!owned.content) continue // a hardlink to nothing
    const { layer, entry } = owned.content
    const known = linked.get(entry)
    if (known === undefined) add(path, nodeFor(layer, entry, links.get(entry) ?? 1))
    else attach(path, known, typeOf(entry))
  }
  return nodes
}

function countLinks(entries: ReadonlyMap<BytePath, Owned<EstargzEntry>>): Map<EstargzEntry, number> {
  const links = new Map<EstargzEntry, number>()
  for (const { content } of entries.values())
    if (content) links.set(content.entry, (links.get(content.entry) ?? 0) + 1)
  return links
}

function nodeFor(layer: number, entry: EstargzEntry, nlink: number): LazyNode {
  const type = typeOf(entry)
  return {
    layer,
    entry,
    chunks: soonest(entry),
    children: new Map(),
    attributes: {
      type,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: type === 'symlink' ? entry.linkName.length : entry.size,
      nlink,
      blocks: Math.ceil((type === 'reg' ? entry.size : 0) / 512),
      ...splitTime(entry.mtime),
      rdevMajor: entry.devMajor,
      rdevMinor: entry.devMinor,
    },
  }
}

/** A copy ahead of the landmark is there before the chunk itself. */
function soonest({ chunks, ahead }: EstargzEntry): readonly Chunk[] {
  if (ahead.length === 0) return chunks
  const copies = new Map(ahead.map((copy) => [copy.fileOffset, copy]))
  return chunks.map((chunk) => copies.get(chunk.fileOffset) ?? chunk)
}

/** Content never is a hardlink: `mergeLayers` has followed it. */
const typeOf = (entry: EstargzEntry): NodeType => (entry.type === 'hardlink' ? 'reg' : entry.type)

/** What a runtime makes where a path's parent has no entry. */
const impliedDirectory = (): LazyNode => ({
  layer: 0,
  entry: undefined,
  chunks: [],
  children: new Map(),
  attributes: {
    type: 'dir',
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    nlink: 1,
    blocks: 0,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
    rdevMajor: 0,
    rdevMinor: 0,
  },
})

function splitTime(seconds: number): Pick<NodeAttributes, 'mtimeSeconds' | 'mtimeNanoseconds'> {
  const mtimeSeconds = Math.floor(seconds)
  return { mtimeSeconds, mtimeNanoseconds: Math.floor((seconds - mtimeSeconds) * 1e9) }
}
