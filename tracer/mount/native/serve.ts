/**
 * Serves a file system through fuse-native. It names files by path, so paths are resolved to nodes here. The library works
 * with text and would lose names that are not UTF-8; libfuse's iconv module maps each byte to one character on the way in, and back on
 * the way out, so that text here is byte text, as everywhere.
 */
import type Fuse from 'fuse-native'
import type { Signal } from 'fuse-native'
import { codeOf, HeadstartError, messageOf } from '../../../system/errors.ts'
import {
  type ByteString,
  FILE_TYPE_BITS,
  type FileSystem,
  MAX_NAME_BYTES,
  type NodeAttributes,
  type NodeId,
  ROOT_NODE,
} from '../file-system.ts'
import type { MountSpec } from '../messages.ts'

const ENOENT = -2
const EIO = -5
const ERANGE = -34
const ENAMETOOLONG = -36
const ENODATA = -61

/** Room for a link's target, as UTF-8; of byte text, characters above 0x7f take two. */
const MAX_TARGET_BYTES = 4096

/** The image can't change, so the kernel may cache answers. */
const CACHE_SECONDS = 3600

/**
 * Mounts `fileSystem` on an empty folder.
 * @throws HeadstartError E_LIBFUSE: fuse-native doesn't load; E_FUSE: the mount failed
 */
export async function serveNative(
  fileSystem: FileSystem,
  { mountPoint, allowOther }: Pick<MountSpec, 'mountPoint' | 'allowOther'>,
): Promise<void> {
  const FuseClass = await loadFuse()
  const operations = pathOperations(fileSystem)
  const fuse = new FuseClass(mountPoint, operations, {
    allowOther,
    defaultPermissions: true,
    kernelCache: true,
    entryTimeout: CACHE_SECONDS,
    attrTimeout: CACHE_SECONDS,
    timeout: false,
    modules: 'iconv',
    // The library has no names for the other options, so they are appended to this one.
    fsname: `headstart,subtype=headstart,nodev,nosuid,ro,use_ino,from_code=UTF-8,to_code=ISO-8859-1,negative_timeout=${CACHE_SECONDS}`,
  })
  Object.assign(fuse, rawOperations(fileSystem))
  await new Promise<void>((resolve, reject) => {
    fuse.mount((error) =>
      error
        ? reject(new HeadstartError('E_FUSE', `the FUSE mount failed: ${messageOf(error)}`, { cause: error }))
        : resolve(),
    )
  })
}

/** @throws HeadstartError E_LIBFUSE: it doesn't load, or npm left it out, as it does where libfuse is missing when it is installed */
export async function loadFuse(): Promise<typeof Fuse> {
  try {
    return (await import('fuse-native')).default
  } catch (cause) {
    if (codeOf(cause) === 'ERR_MODULE_NOT_FOUND')
      throw new HeadstartError(
        'E_LIBFUSE',
        'fuse-native is not installed: npm leaves it out where libfuse 2 is missing',
        {
          cause,
          hint: 'Install libfuse2, then headstart again, or use --fuse kernel, which needs neither',
        },
      )
    const missing = messageOf(cause).includes('libfuse')
    throw new HeadstartError('E_LIBFUSE', `fuse-native doesn't load: ${messageOf(cause)}`, {
      cause,
      hint: missing
        ? 'Install libfuse 2 (apt-get install libfuse2), or use --fuse kernel, which does not need it'
        : 'Rebuild it with: npm rebuild',
    })
  }
}

/** Only the operations named here reach us; without those for xattrs the kernel stops asking after the first time. */
function pathOperations(fileSystem: FileSystem): Record<string, unknown> {
  const names = ['getattr', 'readdir', 'readlink', 'open', 'read', 'statfs']
  const xattrs = fileSystem.withoutXattrs ? [] : ['getxattr', 'listxattr']
  return Object.fromEntries([...names, ...xattrs].map((name) => [name, true]))
}

/**
 * Replace the library's own handlers, which allocate on every call and, for xattrs, would overrun a buffer that is too small.
 */
function rawOperations(fileSystem: FileSystem) {
  const resolve = pathResolver(fileSystem)
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
    _op_statfs(signal: Signal) {
      signal(0, STATFS)
    },
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
function pathResolver(fileSystem: FileSystem): (path: string) => NodeId | undefined {
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

const EMPTY_STAT = new Uint32Array(18)

/** statfs: block and fragment size, and the longest name. */
const STATFS = Uint32Array.from([4096, 4096, 0, 0, 0, 0, 0, 0, 0, 0, 255])

/** fuse-native's layout: mode, uid, gid, size (64 bits), dev, nlink, ino, rdev, blksize, blocks, atime, mtime, ctime (ms, 64 bits each). */
function encodeStat(node: NodeId, attributes: NodeAttributes): Uint32Array {
  const { type, mode, uid, gid, size, nlink, blocks, rdevMajor, rdevMinor } = attributes
  const rdev = ((rdevMinor & 0xff) | ((rdevMajor & 0xfff) << 8) | ((rdevMinor & 0xfff00) << 12)) >>> 0
  const time = wide(
    Math.max(0, attributes.mtimeSeconds * 1000 + Math.floor(attributes.mtimeNanoseconds / 1e6)),
  )
  return Uint32Array.from([
    FILE_TYPE_BITS[type] | mode,
    uid,
    gid,
    ...wide(size),
    0,
    nlink,
    node,
    rdev,
    4096,
    ...wide(blocks),
    ...time,
    ...time,
    ...time,
  ])
}

const wide = (value: number): [low: number, high: number] => [value % 2 ** 32, Math.floor(value / 2 ** 32)]
