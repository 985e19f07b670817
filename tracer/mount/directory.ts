/** A tree on disk as a file system. Content is read at once. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { FileSystem, NodeId } from './file-system.ts'
import { namesOf, nodeOf, type TreeIndex } from './tree-index.ts'

export type SyncFileSystem = FileSystem & Required<Pick<FileSystem, 'readInto'>>

/** Files stay open for as long as others aren't wanted. */
const MAX_OPEN_FILES = 512

export function createDirectoryFileSystem(index: TreeIndex): SyncFileSystem {
  /** the one opened first comes first */
  const descriptors = new Map<NodeId, number>()

  function descriptorOf(node: NodeId): number {
    const known = descriptors.get(node)
    if (known !== undefined) return known
    const descriptor = openSync(Buffer.from(index.prefix + nodeOf(index, node).path, 'latin1'), 'r')
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
    // The tree doesn't change, so nobody has to ask for what lies behind the end.
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
