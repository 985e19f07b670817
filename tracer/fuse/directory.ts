/**
 * A tree on disk as a file system. Content is read at once: a hop to another thread and back costs more than most reads, which the disk's
 * cache answers.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import type { FileSystem, NodeId } from './file-system.ts'
import { namesOf, nodeOf, type TreeIndex } from './tree-index.ts'

export interface SyncFileSystem extends FileSystem {
  /** @returns bytes put into `target` from `at` on; fewer than `length` only at the file's end */
  readInto(node: NodeId, offset: number, length: number, target: Buffer, at: number): number
}

/** Files stay open for as long as others aren't wanted. */
const MAX_OPEN_FILES = 512

export function createDirectoryFileSystem(index: TreeIndex): SyncFileSystem {
  /** the one opened first comes first */
  const descriptors = new Map<NodeId, number>()

  function descriptorOf(node: NodeId): number {
    const known = descriptors.get(node)
    if (known !== undefined) return known
    const descriptor = openSync(Buffer.from(nodeOf(index, node).path, 'latin1'), 'r')
    descriptors.set(node, descriptor)
    const [oldest] = descriptors
    if (descriptors.size > MAX_OPEN_FILES && oldest) {
      closeSync(oldest[1])
      descriptors.delete(oldest[0])
    }
    return descriptor
  }

  function readInto(node: NodeId, offset: number, length: number, target: Buffer, at: number): number {
    const descriptor = descriptorOf(node)
    let filled = 0
    while (filled < length) {
      const bytes = readSync(descriptor, target, at + filled, length - filled, offset + filled)
      if (bytes === 0) break
      filled += bytes
    }
    return filled
  }

  return {
    ...namesOf(index),
    open() {},
    readInto,
    async read(node, offset, length) {
      const bytes = Buffer.allocUnsafe(length)
      return bytes.subarray(0, readInto(node, offset, length, bytes, 0))
    },
  }
}
