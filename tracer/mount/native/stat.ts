/** What fuse-native tells the C library about a node, in its layout. Pure. */
import { FILE_TYPE_BITS, type NodeAttributes, type NodeId } from '../file-system.ts'

export const EMPTY_STAT = new Uint32Array(18)

/** statfs: block and fragment size, and the longest name. */
export const STATFS = Uint32Array.from([4096, 4096, 0, 0, 0, 0, 0, 0, 0, 0, 255])

/** mode, uid, gid, size (64 bits), dev, nlink, ino, rdev, blksize, blocks, atime, mtime, ctime (ms, 64 bits each). */
export function encodeStat(node: NodeId, attributes: NodeAttributes): Uint32Array {
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
