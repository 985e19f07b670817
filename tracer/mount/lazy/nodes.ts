/** The visible tree of eStargz layers as numbered nodes: names, attributes, and where each file's content is in the blobs. Pure. */

import type { Chunk, EstargzEntry, EstargzLayer } from '../../../image/estargz/read/reader.ts'
import {
  type MergedDirectory,
  type MergedNode,
  type Owned,
  stackLayers,
} from '../../../image/rootfs/merge-layers.ts'
import type { Steps } from '../../../system/steps.ts'
import type { BytePath } from '../../../system/text/byte-path.ts'
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

/** Nodes that are made at a time. */
const STEP = 256

/**
 * Numbers the visible tree. A hardlink shares the node of what it links to.
 * @param layers base first
 */
export function* indexLayers(layers: readonly Pick<EstargzLayer, 'entries'>[]): Steps<LazyNodes> {
  const root = yield* stackLayers(layers.map(({ entries }) => entries))
  const links = layers.some(hasHardlinks) ? countLinks(root) : new Map<EstargzEntry, number>()
  const nodes: (LazyNode | undefined)[] = [undefined]
  const linked = new Map<EstargzEntry, NodeId>()
  const directories: [from: MergedDirectory<EstargzEntry>['children'], to: Children][] = []

  const add = (node: LazyNode): NodeId => nodes.push(node) - 1

  function addDirectory({ owned, children: from }: MergedDirectory<EstargzEntry>): NodeId {
    const to: Children = new Map()
    directories.push([from, to])
    return add(owned ? nodeFor(owned, 1, to) : impliedDirectory(to))
  }

  function addFile({ layer, entry }: Place): NodeId {
    const count = links.get(entry)
    if (count === undefined) return add(nodeFor({ layer, entry }, 1, NO_CHILDREN))
    const node = linked.get(entry) ?? add(nodeFor({ layer, entry }, count, NO_CHILDREN))
    linked.set(entry, node)
    return node
  }

  if (addDirectory(root) !== ROOT_NODE) throw new Error('the root has the wrong number')
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    const [from, to] = next
    for (const [name, child] of from) {
      const content = child.owned?.content
      if (isDirectory(child)) to.set(name, { name, node: addDirectory(child), type: 'dir' })
      else if (content) to.set(name, { name, node: addFile(content), type: typeOf(content.entry) })
      if (nodes.length % STEP === 0) yield
    }
  }
  return nodes
}

type Place = Pick<Owned<EstargzEntry>, 'layer' | 'entry'>

const isDirectory = <E>(node: MergedNode<E>): node is MergedDirectory<E> => node.children !== undefined

const hasHardlinks = ({ entries }: Pick<EstargzLayer, 'entries'>): boolean =>
  entries.some(({ type }) => type === 'hardlink')

/** Of those that have more than one name. */
function countLinks(root: MergedDirectory<EstargzEntry>): Map<EstargzEntry, number> {
  const names = new Map<EstargzEntry, number>()
  for (const directories = [root]; ; ) {
    const directory = directories.pop()
    if (!directory) break
    for (const child of directory.children.values()) {
      const entry = child.owned?.content?.entry
      if (isDirectory(child)) directories.push(child)
      else if (entry) names.set(entry, (names.get(entry) ?? 0) + 1)
    }
  }
  return new Map([...names].filter(([, count]) => count > 1))
}

function nodeFor({ layer, entry }: Place, nlink: number, children: LazyNode['children']): LazyNode {
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
