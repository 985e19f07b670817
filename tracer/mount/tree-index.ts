/**
 * A tree on disk, its names, attributes and links read once into memory. Plain data, which can be passed to another thread. The tree must not
 * change meanwhile.
 */
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import type { BytePath } from '../../system/byte-path.ts'
import {
  type DirectoryEntry,
  type FileSystem,
  type NodeAttributes,
  type NodeId,
  type NodeType,
  ROOT_NODE,
} from './file-system.ts'

/** Extended attributes by path (byte text, see `system/byte-path.ts`); Node can't read them, so they are passed in. */
export type XattrTable = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>

export interface IndexedNode {
  readonly attributes: NodeAttributes
  /** from the tree's root, of a hardlinked file the first one found */
  readonly path: BytePath
  readonly target: string
  readonly children: ReadonlyMap<string, DirectoryEntry>
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined
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

/** All of a file system but its content. */
export function namesOf(index: TreeIndex) {
  return {
    totals: index.totals,
    withoutXattrs: index.withoutXattrs,
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
    pathOf: (id) => nodeOf(index, id).path,
  } satisfies Partial<FileSystem>
}

/**
 * Walks the tree; a second name of a hardlinked file gets the first one's node.
 * @param folder `''` for the working directory: then a path may be as long as the kernel allows
 */
export function indexTree(folder: string, xattrs: XattrTable = new Map()): TreeIndex {
  const nodes: (IndexedNode | undefined)[] = [undefined]
  const linked = new Map<string, NodeId>()
  const pending: { path: BytePath; children: Map<string, DirectoryEntry> }[] = []
  const totals = { files: 0, bytes: 0 }
  const prefix = folder === '' ? '' : `${Buffer.from(folder).toString('latin1')}/`
  const onDisk = (path: BytePath): Buffer => Buffer.from(prefix + path || '.', 'latin1')

  function add(path: BytePath, stats: BigIntStats): NodeId {
    const key = stats.nlink > 1n && !stats.isDirectory() ? `${stats.dev}:${stats.ino}` : undefined
    const known = key === undefined ? undefined : linked.get(key)
    if (known !== undefined) return known
    const id = nodes.length
    const children = stats.isDirectory() ? new Map<string, DirectoryEntry>() : undefined
    if (children) pending.push({ path, children })
    nodes.push({
      attributes: attributesOf(stats),
      path,
      target: stats.isSymbolicLink() ? readlinkSync(onDisk(path), { encoding: 'latin1' }) : '',
      children: children ?? NO_CHILDREN,
      xattrs: xattrs.get(path),
    })
    if (key !== undefined) linked.set(key, id)
    if (stats.isFile()) {
      totals.files++
      totals.bytes += Number(stats.size)
    }
    return id
  }

  add('', lstatSync(onDisk(''), { bigint: true }))
  for (let at = pending.pop(); at; at = pending.pop()) {
    for (const name of readdirSync(onDisk(at.path), { encoding: 'latin1' })) {
      const path = at.path === '' ? name : `${at.path}/${name}`
      const stats = lstatSync(onDisk(path), { bigint: true })
      at.children.set(name, { name, node: add(path, stats), type: typeOf(stats) })
    }
  }
  if (nodes.length <= ROOT_NODE) throw new Error(`${folder} can't be read`)
  return { prefix, nodes, totals, withoutXattrs: xattrs.size === 0 }
}

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
