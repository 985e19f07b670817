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
  readonly children: ReadonlyMap<string, DirectoryEntry>
}

type Children = Map<string, DirectoryEntry>
/** of all but directories, which are few */
const NO_CHILDREN: ReadonlyMap<string, DirectoryEntry> = new Map()

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
  const folders = new Map<BytePath, Children>()
  const linked = new Map<EstargzEntry, NodeId>()
  const links = countLinks(tree.entries)

  function add(path: BytePath, node: LazyNode): NodeId {
    const id = nodes.push(node) - 1
    attach(path, id, node.attributes.type)
    return id
  }

  function attach(path: BytePath, node: NodeId, type: NodeType): void {
    if (path === '') return
    const name = baseOf(path)
    folderAt(parentOf(path)).set(name, { name, node, type })
  }

  function addDirectory(path: BytePath, owned: Owned<EstargzEntry> | undefined): Children {
    const children: Children = new Map()
    folders.set(path, children)
    add(path, owned ? nodeFor(owned, 1, children) : impliedDirectory(children))
    return children
  }

  /** Its ancestors that have an entry are there: in the tree, parents come first. */
  function folderAt(path: BytePath): Children {
    const known = folders.get(path)
    if (known) return known
    const missing: BytePath[] = []
    for (let at = parentOf(path); !folders.has(at); at = parentOf(at)) missing.push(at)
    for (const each of missing.reverse()) addDirectory(each, undefined)
    return addDirectory(path, undefined)
  }

  function addEntry(path: BytePath, owned: Owned<EstargzEntry>): void {
    if (owned.entry.type === 'dir') addDirectory(path, owned)
    if (owned.entry.type === 'dir' || !owned.content) return // a hardlink to nothing
    const { entry } = owned.content
    const known = linked.get(entry)
    const count = links.get(entry)
    if (known !== undefined) attach(path, known, typeOf(entry))
    else if (count === undefined) add(path, nodeFor(owned.content, 1, NO_CHILDREN))
    else linked.set(entry, add(path, nodeFor(owned.content, count, NO_CHILDREN)))
  }

  addDirectory('', tree.entries.get(''))
  if (nodes.length - 1 !== ROOT_NODE) throw new Error('the root has the wrong number')

  for (const [path, owned] of tree.entries) if (path !== '') addEntry(path, owned)
  for (const path of tree.implied.keys()) folderAt(path)
  return nodes
}

/** Of those that have more than one name. */
function countLinks(entries: ReadonlyMap<BytePath, Owned<EstargzEntry>>): Map<EstargzEntry, number> {
  const links = new Map<EstargzEntry, number>()
  for (const { entry, content } of entries.values())
    if (content && content.entry !== entry) links.set(content.entry, (links.get(content.entry) ?? 0) + 1)
  for (const { entry } of entries.values()) {
    const others = links.get(entry)
    if (others !== undefined) links.set(entry, others + 1)
  }
  return links
}

function nodeFor(
  { layer, entry }: Pick<Owned<EstargzEntry>, 'layer' | 'entry'>,
  nlink: number,
  children: LazyNode['children'],
): LazyNode {
  const type = typeOf(entry)
  return {
    layer,
    entry,
    chunks: soonest(entry),
    children,
    attributes: {
      type,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: type === 'symlink' ? entry.linkName.length : entry.size,
      nlink,
      blocks: Math.ceil((type === 'reg' ? entry.size : 0) / 512),
      mtimeSeconds: Math.floor(entry.mtime),
      mtimeNanoseconds: Math.floor((entry.mtime - Math.floor(entry.mtime)) * 1e9),
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
const impliedDirectory = (children: Children): LazyNode => ({
  layer: 0,
  entry: undefined,
  chunks: [],
  children,
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
