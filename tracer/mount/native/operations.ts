/**
 * The operations as fuse-native calls them, with paths. They replace the library's own handlers, which allocate on every call and, for xattrs,
 * would overrun a buffer that is too small.
 */
import type { Signal } from 'fuse-native'
import { type ByteString, type FileSystem, MAX_NAME_BYTES, type NodeId, ROOT_NODE } from '../file-system.ts'
import { EMPTY_STAT, encodeStat, STATFS } from './stat.ts'

const ENOENT = -2
const EIO = -5
const ERANGE = -34
const ENAMETOOLONG = -36
const ENODATA = -61

/** Room for a link's target, as UTF-8; of byte text, characters above 0x7f take two. */
const MAX_TARGET_BYTES = 4096

export function rawOperations(fileSystem: FileSystem) {
  const resolve = pathResolver(fileSystem)
  return {
    ...nameOperations(fileSystem, resolve),
    ...contentOperations(fileSystem, resolve),
    ...xattrOperations(fileSystem, resolve),
    _op_statfs(signal: Signal) {
      signal(0, STATFS)
    },
  }
}

type Resolve = (path: string) => NodeId | undefined

function nameOperations(fileSystem: FileSystem, resolve: Resolve) {
  const stats = new Map<NodeId, Uint32Array>()

  function statOf(node: NodeId): Uint32Array {
    let stat = stats.get(node)
    if (!stat) {
      stat = encodeStat(node, fileSystem.attributes(node))
      stats.set(node, stat)
    }
    return stat
  }

  return {
    _op_getattr(signal: Signal, path: string) {
      const node = resolve(path)
      if (node === undefined) signal(isTooLong(path) ? ENAMETOOLONG : ENOENT, EMPTY_STAT)
      else signal(0, statOf(node))
    },
    _op_readdir(signal: Signal, path: string) {
      const node = resolve(path)
      if (node === undefined) return signal(ENOENT, [], [])
      const entries = fileSystem.entries(node)
      const names = entries.map((entry) => entry.name)
      // Without an inode number the C library would leave them out of the listing.
      const own = statOf(node)
      signal(0, ['.', '..', ...names], [own, own, ...entries.map((entry) => statOf(entry.node))])
    },
    _op_readlink(signal: Signal, path: string) {
      const node = resolve(path)
      if (node === undefined) return signal(ENOENT, '')
      const target = fileSystem.readlink(node)
      // The library would truncate it.
      if (Buffer.byteLength(target) > MAX_TARGET_BYTES) signal(ENAMETOOLONG, '')
      else signal(0, target)
    },
  }
}

function contentOperations(fileSystem: FileSystem, resolve: Resolve) {
  return {
    _op_open(signal: Signal, path: string) {
      const node = resolve(path)
      if (node === undefined) return signal(ENOENT, 0)
      fileSystem.open(node)
      signal(0, node)
    },
    _op_read(
      signal: Signal,
      _path: string,
      node: NodeId,
      target: Buffer,
      length: number,
      low: number,
      high: number,
    ) {
      const reply = (result: number) => signal(result, 0, target.buffer)
      const offset = low + high * 2 ** 32
      const wanted = target.subarray(0, length)
      if (fileSystem.readInto) return reply(readAtOnce(fileSystem.readInto, node, offset, wanted))
      fileSystem.read(node, offset, length).then(
        (bytes) => reply(bytes.copy(wanted)),
        () => reply(EIO),
      )
    },
  }
}

function xattrOperations(fileSystem: FileSystem, resolve: Resolve) {
  return {
    _op_getxattr(signal: Signal, path: string, name: string, target: Buffer) {
      const node = resolve(path)
      const value = node === undefined ? undefined : fileSystem.xattr(node, asStored(fileSystem, node, name))
      signal(value ? fill(target, value) : ENODATA, target.buffer)
    },
    _op_listxattr(signal: Signal, path: string, target: Buffer) {
      const node = resolve(path)
      const names = node === undefined ? [] : fileSystem.xattrs(node)
      signal(fill(target, Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1')), target.buffer)
    },
  }
}

/** @returns bytes read, or the error's number */
function readAtOnce(
  readInto: NonNullable<FileSystem['readInto']>,
  node: NodeId,
  offset: number,
  target: Buffer,
): number {
  try {
    return readInto(node, offset, target)
  } catch {
    return EIO
  }
}

/**
 * libfuse's iconv module leaves the names of attributes alone, so that the library has decoded them as UTF-8: names that are not UTF-8 are found by
 * comparing with those that exist.
 */
function asStored(fileSystem: FileSystem, node: NodeId, name: string): ByteString {
  const bytes = Buffer.from(name).toString('latin1')
  if (!name.includes('\ufffd')) return bytes
  return fileSystem.xattrs(node).find((one) => Buffer.from(one, 'latin1').toString() === name) ?? bytes
}

/** An empty target asks for the size only. */
function fill(target: Buffer, value: Buffer): number {
  if (target.length === 0) return value.length
  if (value.length > target.length) return ERANGE
  return value.copy(target)
}

/** `/usr/bin` → node. Hits are cached here; the kernel caches misses. */
function pathResolver(fileSystem: FileSystem): Resolve {
  const known = new Map<string, NodeId>([['', ROOT_NODE]])

  function resolve(path: string): NodeId | undefined {
    const found = known.get(path)
    if (found !== undefined) return found
    const slash = path.lastIndexOf('/')
    const parent = resolve(path.slice(0, slash))
    const node = parent === undefined ? undefined : fileSystem.lookup(parent, path.slice(slash + 1))
    if (node !== undefined) known.set(path, node)
    return node
  }

  return (path) => (path === '/' ? ROOT_NODE : resolve(path))
}

const isTooLong = (path: string): boolean => path.length - path.lastIndexOf('/') - 1 > MAX_NAME_BYTES
