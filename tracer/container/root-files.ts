/** Reads files and makes folders in a container's root before the container runs: no symlink of the image leads out of it. */
import { constants, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { codeOf } from '../../system/errors.ts'
import { bytePathOf, RootFolder } from '../../system/files/secure-join.ts'
import { parentOf } from '../../system/text/byte-path.ts'

const MAX_BYTES = 1 << 20
/** A fifo or device that has replaced the file is opened without blocking, and then recognized. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

/**
 * Read past the page cache: from there the container would get it afterwards, and a recording mount would not see that it reads it.
 *
 * @returns the text, or undefined where there is no such regular file, or it is larger than 1 MiB
 * @throws HeadstartError E_PATH: it has too many symlinks
 */
export async function readInside(root: string, name: string): Promise<string | undefined> {
  const folder = new RootFolder(root)
  const found = folder.follow(bytePathOf(name))
  // Asked before it is opened: a device may act on being opened.
  if (found === undefined || !folder.stat(found)?.isFile()) return undefined
  const path = folder.hostPath(found)
  try {
    return await textOf(path, READ | constants.O_DIRECT)
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw error
    return textOf(path, READ) // most file systems want memory of their own alignment for it
  }
}

async function textOf(path: string | Buffer, flags: number): Promise<string | undefined> {
  await using file = await open(path, flags)
  return (await file.stat()).isFile() ? await textWithin(file) : undefined
}

/** A file may hold more than its size says: reading stops at the limit. */
async function textWithin(file: FileHandle): Promise<string | undefined> {
  const bytes = Buffer.alloc(MAX_BYTES + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length)
    length += bytesRead
    if (length > MAX_BYTES) return undefined
    if (bytesRead === 0) return bytes.toString('utf8', 0, length)
  }
}

/**
 * A folder of the root, made with those above it where they are missing.
 * @throws HeadstartError E_PATH: something else is in its place, or it has too many symlinks
 */
export function makeFolderInside(root: string, path: string): void {
  new RootFolder(root).directory(bytePathOf(path), true)
}

/** An empty file, where nothing is, with the folders above it. @throws HeadstartError E_PATH */
export function makeFileInside(root: string, path: string): void {
  const folder = new RootFolder(root)
  const at = folder.join(bytePathOf(path))
  if (folder.stat(at)) return
  folder.directory(parentOf(at), true)
  writeFileSync(folder.hostPath(at), '', { flag: 'wx' })
}

/** A folder of the root on this machine. @returns undefined: there is none. @throws HeadstartError E_PATH: it has too many symlinks */
export function folderInside(root: string, path: string): string | undefined {
  const folder = new RootFolder(root)
  const found = folder.directory(bytePathOf(path), false)
  return found === undefined ? undefined : String(folder.hostPath(found))
}
