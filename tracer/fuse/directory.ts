/**
 * A tree on disk as a file system. Names, attributes and links are read once, at the start, into memory; content is read when
 * asked for. The tree must not change meanwhile.
 */
import { close, lstatSync, open, read, readdirSync, readlinkSync, type Stats } from 'node:fs'
import { promisify } from 'node:util'
import {
  type DirectoryEntry,
  type FileSystem,
  type NodeAttributes,
  type NodeId,
  type NodeType,
  ROOT_NODE,
} from './file-system.ts'

/** Extended attributes by path (byte text, see `image/paths.ts`); Node can't read them, so whoever knows them passes them. */
export type XattrTable = ReadonlyMap<string, ReadonlyMap<string, Buffer>>

interface Node {
  readonly attributes: NodeAttributes
  /** on disk, absolute */
  readonly path: Buffer
  readonly target: string
  readonly children: Map<string, DirectoryEntry>
  readonly xattrs: ReadonlyMap<string, Buffer> | undefined
}

interface OpenFile {
  users: number
  descriptor: Promise<number> | undefined
}

const openFile = promisify(open)
const readFile = promisify(read)

export function createDirectoryFileSystem(folder: string, xattrs: XattrTable = new Map()): FileSystem {
  const { nodes, totals } = indexTree(folder, xattrs)
  const openFiles = new Map<NodeId, OpenFile>()

  function nodeOf(id: NodeId): Node {
    const node = nodes[id]
    if (!node) throw new Error(`no node ${id}`)
    return node
  }

  function descriptorOf(id: NodeId, file: OpenFile): Promise<number> {
    file.descriptor ??= openFile(nodeOf(id).path, 'r')
    return file.descriptor
  }

  return {
    totals,
    withoutXattrs: xattrs.size === 0,
    lookup: (parent, name) => nodeOf(parent).children.get(name)?.node,
    attributes: (id) => nodeOf(id).attributes,
    entries: (id) => [...nodeOf(id).children.values()],
    readlink: (id) => nodeOf(id).target,
    xattr: (id, name) => nodeOf(id).xattrs?.get(name),
    xattrs: (id) => [...(nodeOf(id).xattrs?.keys() ?? [])],
    digest: () => undefined,
    open(id) {
      const file = openFiles.get(id)
      if (file) file.users++
      else openFiles.set(id, { users: 1, descriptor: undefined })
    },
    release(id) {
      const file = openFiles.get(id)
      if (!file || --file.users > 0) return
      openFiles.delete(id)
      closeLater(file)
    },
    async read(id, offset, length) {
      // A read of a page may come when the last open is gone.
      const file = openFiles.get(id) ?? { users: 0, descriptor: undefined }
      const bytes = await readFully(await descriptorOf(id, file), offset, length)
      if (file.users === 0) closeLater(file)
      return bytes
    },
    async close() {
      for (const file of openFiles.values()) closeLater(file)
      openFiles.clear()
    },
  }
}

function closeLater(file: OpenFile): void {
  file.descriptor?.then(
    (descriptor) => close(descriptor),
    () => {},
  )
  file.descriptor = undefined
}

async function readFully(descriptor: number, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await readFile(descriptor, bytes, filled, length - filled, offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

/** Walks the tree; a second name of a hardlinked file gets the first one's node. */
function indexTree(folder: string, xattrs: XattrTable) {
  const nodes: (Node | undefined)[] = [undefined]
  const linked = new Map<string, NodeId>()
  const totals = { files: 0, bytes: 0 }

  function add(path: Buffer, name: string, stats: Stats): NodeId {
    const key = stats.nlink > 1 && !stats.isDirectory() ? `${stats.dev}:${stats.ino}` : undefined
    const known = key === undefined ? undefined : linked.get(key)
    if (known !== undefined) return known
    const id = nodes.length
    nodes.push({
      attributes: attributesOf(stats),
      path,
      target: stats.isSymbolicLink() ? readlinkSync(path, { encoding: 'buffer' }).toString('latin1') : '',
      children: new Map(),
      xattrs: xattrs.get(name),
    })
    if (key !== undefined) linked.set(key, id)
    if (stats.isFile()) {
      totals.files++
      totals.bytes += stats.size
    }
    return id
  }

  const root = Buffer.from(folder)
  const pending = [{ id: add(root, '', lstatSync(root)), path: root, name: '' }]
  for (let at = pending.pop(); at; at = pending.pop()) {
    const children = nodes[at.id]?.children
    for (const bytes of readdirSync(at.path, { encoding: 'buffer' })) {
      const base = bytes.toString('latin1')
      const path = Buffer.concat([at.path, SLASH, bytes])
      const name = at.name === '' ? base : `${at.name}/${base}`
      const stats = lstatSync(path)
      const id = add(path, name, stats)
      children?.set(base, { name: base, node: id, type: typeOf(stats) })
      if (stats.isDirectory()) pending.push({ id, path, name })
    }
  }
  if (nodes.length <= ROOT_NODE) throw new Error(`${folder} can't be read`)
  return { nodes, totals }
}

const SLASH = Buffer.from('/')

function attributesOf(stats: Stats): NodeAttributes {
  return {
    type: typeOf(stats),
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    size: stats.size,
    nlink: stats.nlink,
    mtimeMs: stats.mtimeMs,
    ...splitDevice(stats.rdev),
  }
}

/** Linux's 64-bit dev_t: minor in bits 0-7 and 20-31, major in bits 8-19 (and, above 32 bits, unused). */
function splitDevice(device: number): { rdevMajor: number; rdevMinor: number } {
  return { rdevMajor: (device >>> 8) & 0xfff, rdevMinor: (device & 0xff) | ((device >>> 12) & 0xfff00) }
}

function typeOf(stats: Stats): NodeType {
  if (stats.isFile()) return 'reg'
  if (stats.isDirectory()) return 'dir'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isCharacterDevice()) return 'char'
  if (stats.isBlockDevice()) return 'block'
  return stats.isFIFO() ? 'fifo' : 'socket'
}
