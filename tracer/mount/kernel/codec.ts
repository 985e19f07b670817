/**
 * The kernel's FUSE protocol, as far as a read-only tree needs it: offsets, numbers, and replies written into a buffer. Pure.
 *
 * Source: Linux, include/uapi/linux/fuse.h, protocol 7.31.
 */
import { FILE_TYPE_BITS, type NodeAttributes, type NodeId, type NodeType } from '../file-system.ts'

export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  READLINK: 5,
  OPEN: 14,
  READ: 15,
  STATFS: 17,
  RELEASE: 18,
  GETXATTR: 22,
  LISTXATTR: 23,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  INTERRUPT: 36,
  DESTROY: 38,
  BATCH_FORGET: 42,
  READDIRPLUS: 44,
} as const

export const ERRNO = { ENOENT: 2, EIO: 5, ERANGE: 34, ENAMETOOLONG: 36, ENOSYS: 38, ENODATA: 61 } as const

/** struct fuse_in_header: len, opcode, unique (64), nodeid (64), uid, gid, pid, padding */
export const IN_HEADER_BYTES = 40
/** struct fuse_out_header: len, error, unique (64) */
export const OUT_HEADER_BYTES = 16
export const ENTRY_BYTES = 128
const ATTR_BYTES = 88

/** Pages of a read: 1 MiB. */
const MAX_PAGES = 256
/** There are no writes, but the kernel requires a number, and this much room in each request. */
const MAX_WRITE_BYTES = 4096
export const REQUEST_BYTES = 64 << 10
export const MAX_READ_BYTES = MAX_PAGES * 4096

const ASYNC_READ = 1 << 0
const DO_READDIRPLUS = 1 << 13
const READDIRPLUS_AUTO = 1 << 14
const PARALLEL_DIROPS = 1 << 18
const MAX_PAGES_FLAG = 1 << 22
const CACHE_SYMLINKS = 1 << 23
const NO_OPENDIR = 1 << 24
const WANTED_FLAGS =
  ASYNC_READ |
  DO_READDIRPLUS |
  READDIRPLUS_AUTO |
  PARALLEL_DIROPS |
  MAX_PAGES_FLAG |
  CACHE_SYMLINKS |
  NO_OPENDIR

const FOPEN_KEEP_CACHE = 1 << 1

/** The image can't change, so the kernel may cache answers: seconds. */
const VALID_SECONDS = 1_000_000_000

export interface Request {
  readonly opcode: number
  readonly node: NodeId
  readonly body: Buffer
}

/** Of the bytes of one read from the device. */
export function parseRequest(bytes: Buffer): Request {
  return {
    opcode: bytes.readUInt32LE(4),
    // Node ids are those we gave out, which fit 32 bits.
    node: bytes.readUInt32LE(16),
    body: bytes.subarray(IN_HEADER_BYTES),
  }
}

/** A name with its NUL, as byte text. */
export function nameIn(body: Buffer, from = 0): string {
  const end = body.indexOf(0, from)
  return body.toString('latin1', from, end === -1 ? body.length : end)
}

function write64(out: Buffer, value: number, at: number): void {
  out.writeUInt32LE(value % 2 ** 32, at)
  out.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4)
}

/** @returns bytes written at `OUT_HEADER_BYTES`, as all of the following do */
export function writeInit(out: Buffer, body: Buffer): number {
  const at = OUT_HEADER_BYTES
  out.fill(0, at, at + 64)
  out.writeUInt32LE(7, at)
  out.writeUInt32LE(31, at + 4)
  out.writeUInt32LE(body.readUInt32LE(8), at + 8) // readahead: the kernel's own limit
  out.writeUInt32LE((body.readUInt32LE(12) & WANTED_FLAGS) >>> 0, at + 12)
  out.writeUInt16LE(64, at + 16) // requests in the background
  out.writeUInt16LE(48, at + 18) // from here on the disk counts as congested
  out.writeUInt32LE(MAX_WRITE_BYTES, at + 20)
  out.writeUInt32LE(1, at + 24) // times are exact to the nanosecond
  out.writeUInt16LE(MAX_PAGES, at + 28)
  return 64
}

/** struct fuse_attr */
function writeAttributes(out: Buffer, node: NodeId, attributes: NodeAttributes, at: number): void {
  const { type, mode, uid, gid, size, nlink, blocks, rdevMajor, rdevMinor } = attributes
  write64(out, node, at)
  write64(out, size, at + 8)
  write64(out, blocks, at + 16)
  for (const [index, offset] of [24, 32, 40].entries()) {
    out.writeUInt32LE(attributes.mtimeSeconds >>> 0, at + offset)
    out.writeInt32LE(Math.floor(attributes.mtimeSeconds / 2 ** 32), at + offset + 4)
    out.writeUInt32LE(attributes.mtimeNanoseconds, at + 48 + index * 4)
  }
  out.writeUInt32LE(FILE_TYPE_BITS[type] | mode, at + 60)
  out.writeUInt32LE(nlink, at + 64)
  out.writeUInt32LE(uid, at + 68)
  out.writeUInt32LE(gid, at + 72)
  out.writeUInt32LE(((rdevMinor & 0xff) | (rdevMajor << 8) | ((rdevMinor & ~0xff) << 12)) >>> 0, at + 76)
  out.writeUInt32LE(4096, at + 80)
  out.writeUInt32LE(0, at + 84)
}

/** struct fuse_entry_out. Node 0: there is nothing, and the kernel may remember that. */
export function writeEntry(
  out: Buffer,
  node: NodeId,
  attributes: NodeAttributes | undefined,
  at = OUT_HEADER_BYTES,
): number {
  out.fill(0, at, at + ENTRY_BYTES)
  write64(out, node, at)
  write64(out, VALID_SECONDS, at + 16)
  write64(out, VALID_SECONDS, at + 24)
  if (attributes) writeAttributes(out, node, attributes, at + 40)
  return ENTRY_BYTES
}

/** struct fuse_attr_out */
export function writeAttr(out: Buffer, node: NodeId, attributes: NodeAttributes): number {
  const at = OUT_HEADER_BYTES
  write64(out, VALID_SECONDS, at)
  write64(out, 0, at + 8)
  writeAttributes(out, node, attributes, at + 16)
  return 16 + ATTR_BYTES
}

/** struct fuse_open_out: no handle, and what the page cache holds stays */
export function writeOpen(out: Buffer): number {
  out.fill(0, OUT_HEADER_BYTES, OUT_HEADER_BYTES + 16)
  out.writeUInt32LE(FOPEN_KEEP_CACHE, OUT_HEADER_BYTES + 8)
  return 16
}

/** struct fuse_kstatfs: nothing free, names of 255 bytes */
export function writeStatfs(out: Buffer): number {
  const at = OUT_HEADER_BYTES
  out.fill(0, at, at + 80)
  out.writeUInt32LE(4096, at + 40)
  out.writeUInt32LE(255, at + 44)
  out.writeUInt32LE(4096, at + 48)
  return 80
}

/** struct fuse_getxattr_out */
export function writeSize(out: Buffer, size: number): number {
  write64(out, size, OUT_HEADER_BYTES)
  return 8
}

export function writeBytes(out: Buffer, bytes: Uint8Array): number {
  out.set(bytes, OUT_HEADER_BYTES)
  return bytes.length
}

/** Bytes that one entry of a listing takes; each begins at a multiple of 8. */
export const direntBytes = (nameBytes: number): number => (24 + nameBytes + 7) & ~7

/** struct fuse_dirent. @param next where a listing goes on after this entry */
export function writeDirent(
  out: Buffer,
  entry: { readonly node: NodeId; readonly name: string; readonly type: NodeType },
  next: number,
  at: number,
): number {
  const size = direntBytes(entry.name.length)
  out.fill(0, at, at + size)
  write64(out, entry.node, at)
  write64(out, next, at + 8)
  out.writeUInt32LE(entry.name.length, at + 16)
  out.writeUInt32LE(FILE_TYPE_BITS[entry.type] >> 12, at + 20)
  out.write(entry.name, at + 24, 'latin1')
  return size
}

const NOTIFY_INVAL_INODE = 2

/** A message of our own: the kernel is to forget a node's content. struct fuse_notify_inval_inode_out, from 0 to the end. */
export function invalidation(node: NodeId): Buffer {
  const message = Buffer.alloc(OUT_HEADER_BYTES + 24)
  message.writeUInt32LE(message.length, 0)
  message.writeInt32LE(NOTIFY_INVAL_INODE, 4)
  write64(message, node, OUT_HEADER_BYTES)
  return message
}

/** Completes a reply: struct fuse_out_header in front. @returns the bytes to send */
export function finish(out: Buffer, request: Buffer, error: number, size: number): Buffer {
  const length = OUT_HEADER_BYTES + (error === 0 ? size : 0)
  out.writeUInt32LE(length, 0)
  out.writeInt32LE(-error, 4)
  request.copy(out, 8, 8, 16) // unique
  return out.subarray(0, length)
}
