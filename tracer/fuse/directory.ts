/** Content of a tree on disk, read when it is asked for. */
import { close, open, read } from 'node:fs'
import { promisify } from 'node:util'
import type { FileSystem, NodeId } from './file-system.ts'
import { namesOf, nodeOf, type TreeIndex } from './tree-index.ts'

interface OpenFile {
  users: number
  descriptor: Promise<number> | undefined
}

const openFile = promisify(open)
const readFile = promisify(read)

export function createDirectoryFileSystem(index: TreeIndex): FileSystem {
  const openFiles = new Map<NodeId, OpenFile>()

  function descriptorOf(id: NodeId, file: OpenFile): Promise<number> {
    file.descriptor ??= openFile(Buffer.from(nodeOf(index, id).path, 'latin1'), 'r')
    return file.descriptor
  }

  return {
    ...namesOf(index),
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
