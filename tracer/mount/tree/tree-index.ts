/**
 * A tree on disk, its names, attributes and links read once into memory. Plain data, which can be passed to another thread. The tree must not
 * change meanwhile.
 */
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { ShortPaths } from '../../../system/files/short-paths.ts'
import type { BytePath } from '../../../system/text/byte-path.ts'
import {
  type ByteString,
  type DirectoryEntry,
  type FileSystem,
  type NodeAttributes,
  type NodeId,
  type NodeType,
  ROOT_NODE,
} from '../file-system.ts'
import { createXattrReader, type Xattrs } from './xattrs.ts'

export interface IndexedNode {
  readonly attributes: NodeAttributes
  /** of a hardlinked file, the first one found; 0 for the root */
  readonly parent: NodeId
  readonly name: ByteString
  readonly target: string
  readonly children: ReadonlyMap<string, DirectoryEntry>
  readonly xattrs: Xattrs | undefined
}

export interface TreeIndex {
  /** what a path begins with on disk, byte text */
  readonly prefix: string
  /** by number; there is no 0 */
  readonly nodes: readonly (IndexedNode | undefined)[]
  readonly totals: { readonly files: number; readonly bytes: number }
  readonly withoutXattrs: boolean
}

export function nodeOf({ nodes }: TreeIndex, id: NodeId): IndexedNode {
  const node = nodes[id]
  if (!node) throw new Error(`no node ${id}`)
  return node
}

/** From the tree's root. Not kept for each node: paths of folders within each other grow with every one. */
export function pathOf(index: TreeIndex, id: NodeId): BytePath {
  const parts: ByteString[] = []
  for (let at = id; at !== ROOT_NODE; ) {
    const { parent, name } = nodeOf(index, at)
    parts.push(name)
    at = parent
  }
  return parts.reverse().join('/')
}

/** All of a file system but its content. */
export function namesOf(index: TreeIndex) {
  return {
    totals: index.totals,
    withoutXattrs: index.withoutXattrs,
    withOldTimes: index.nodes.some((node) => node !== undefined && node.attributes.mtimeSeconds < 0),
    lookup: (parent, name) => nodeOf(index, parent).children.get(name)?.node,
    attributes: (id) => nodeOf(index, id).attributes,
    entries: (id) => [...nodeOf(index, id).children.values()],
    readlink: (id) => nodeOf(index, id).target,
    xattr: (id, name) => {
      const value = nodeOf(index, id).xattrs?.get(name)
      return value && Buffer.from(value)
    },
    xattrs: (id) => [...(nodeOf(index, id).xattrs?.keys() ?? [])],
    digest: () => undefined,
    pathOf: (id) => pathOf(index, id),
  } satisfies Partial<FileSystem>
}

/**
 * Walks the tree; a second name of a hardlinked file gets the first one's node.
 * @param folder `''` for the working directory
 * @throws HeadstartError E_FUSE: its extended attributes take too much memory; and what reading the tree throws
 */
export async function indexTree(folder: string): Promise<TreeIndex> {
  const nodes: (MutableNode | undefined)[] = [undefined]
  const linked = new Map<string, NodeId>()
  const pending: { id: NodeId; path: BytePath; children: Map<string, DirectoryEntry> }[] = []
  const totals = { files: 0, bytes: 0 }
  const prefix = folder === '' ? '' : `${Buffer.from(folder).toString('latin1')}/`
  const paths = new ShortPaths(prefix)
  const xattrs = createXattrReader()

  function add(parent: NodeId, name: ByteString, path: BytePath): DirectoryEntry {
    const short = paths.of(path)
    const stats = lstatSync(bytes(short), { bigint: true })
    const type = typeOf(stats)
    const key = stats.nlink > 1n && type !== 'dir' ? `${stats.dev}:${stats.ino}` : undefined
    const known = key === undefined ? undefined : linked.get(key)
    if (known !== undefined) return { name, node: known, type }
    const id = nodes.length
    const children = type === 'dir' ? new Map<string, DirectoryEntry>() : undefined
    if (children) pending.push({ id, path, children })
    const node: MutableNode = {
      attributes: attributesOf(stats),
      parent,
      name,
      target: type === 'symlink' ? readlinkSync(bytes(short), { encoding: 'latin1' }) : '',
      children: children ?? NO_CHILDREN,
      xattrs: undefined,
    }
    nodes.push(node)
    xattrs.add(short, (found) => {
      node.xattrs = found
    })
    if (key !== undefined) linked.set(key, id)
    if (type === 'reg') {
      totals.files++
      totals.bytes += Number(stats.size)
    }
    return { name, node: id, type }
  }

  /** Short paths are valid until they are released, and so must be used before. */
  async function relieve(): Promise<void> {
    await xattrs.read()
    paths.release()
  }

  try {
    add(0, '', '')
    for (let next = pending.pop(); next; next = pending.pop()) {
      const { id, path, children } = next
      for (const name of readdirSync(bytes(paths.of(path)), { encoding: 'latin1' })) {
        children.set(name, add(id, name, path === '' ? name : `${path}/${name}`))
        if (xattrs.isFull || paths.areMany) await relieve()
      }
    }
    await xattrs.read()
  } finally {
    paths.release()
  }
  return { prefix, nodes, totals, withoutXattrs: nodes.every((node) => node?.xattrs === undefined) }
}

type MutableNode = { -readonly [K in keyof IndexedNode]: IndexedNode[K] }

const bytes = (path: BytePath): Buffer => Buffer.from(path, 'latin1')

const NO_CHILDREN: ReadonlyMap<string, DirectoryEntry> = new Map()

function attributesOf(stats: BigIntStats): NodeAttributes {
  const nanoseconds = stats.mtimeNs % SECOND
  const mtimeNanoseconds = nanoseconds < 0n ? nanoseconds + SECOND : nanoseconds
  return {
    type: typeOf(stats),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: Number(stats.size),
    nlink: Number(stats.nlink),
    blocks: Number(stats.blocks),
    mtimeSeconds: Number((stats.mtimeNs - mtimeNanoseconds) / SECOND),
    mtimeNanoseconds: Number(mtimeNanoseconds),
    ...splitDevice(Number(stats.rdev)),
  }
}

const SECOND = 1_000_000_000n

/** Linux's 64-bit dev_t: minor in bits 0-7 and 20-31, major in bits 8-19 (and, above 32 bits, unused). */
function splitDevice(device: number): { rdevMajor: number; rdevMinor: number } {
  return { rdevMajor: (device >>> 8) & 0xfff, rdevMinor: (device & 0xff) | ((device >>> 12) & 0xfff00) }
}

function typeOf(stats: BigIntStats): NodeType {
  if (stats.isFile()) return 'reg'
  if (stats.isDirectory()) return 'dir'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isCharacterDevice()) return 'char'
  if (stats.isBlockDevice()) return 'block'
  return stats.isFIFO() ? 'fifo' : 'socket'
}
