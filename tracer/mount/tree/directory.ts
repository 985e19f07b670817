/** A tree on disk as a file system. Content is read synchronously. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { FileSystem, NodeId } from '../file-system.ts'
import { namesOf, nodeOf, pathOf, type TreeIndex } from './tree-index.ts'

export type SyncFileSystem = FileSystem & Required<Pick<FileSystem, 'readInto'>>

/** Files stay open until others need their place. */
const MAX_OPEN_FILES = 512

export function createDirectoryFileSystem(index: TreeIndex): SyncFileSystem {
  /** in the order they were opened */
  const descriptors = new Map<NodeId, number>()

  function descriptorOf(node: NodeId): number {
    const known = descriptors.get(node)
    if (known !== undefined) return known
    const descriptor = openSync(Buffer.from(index.prefix + pathOf(index, node), 'latin1'), 'r')
    descriptors.set(node, descriptor)
    const [oldest] = descriptors
    if (descriptors.size > MAX_OPEN_FILES && oldest) {
      closeSync(oldest[1])
      descriptors.delete(oldest[0])
    }
    return descriptor
  }

  function readInto(node: NodeId, offset: number, target: Buffer): number {
    const descriptor = descriptorOf(node)
    // The tree doesn't change, so there is no need to read past the end.
    const wanted = Math.min(target.length, nodeOf(index, node).attributes.size - offset)
    let filled = 0
    while (filled < wanted) {
      const bytes = readSync(descriptor, target, filled, wanted - filled, offset + filled)
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
      return bytes.subarray(0, readInto(node, offset, bytes))
    },
  }
}
