/**
 * Paths that stay short however deep a tree on this machine is. At every call the kernel walks each part of a path, so with whole paths a tree of
 * nested folders takes time that grows with the square of its depth; below a folder that is held open,
 * `/proc/PID/fd/N/name`, only what follows is walked. No limit on a path's length is met either.
 */
import { closeSync, constants, openSync } from 'node:fs'
import type { BytePath } from '../text/byte-path.ts'

/** About every so many bytes of a path, a folder of it is held open. Most paths of images are shorter. */
const STEP_BYTES = 256
/** Once so many folders are held, it is time to let go of them. */
const MANY = 256
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

export class ShortPaths {
  private readonly prefix: string
  private readonly held = new Map<BytePath, number>()

  /** @param prefix what a path in the tree begins with: byte text that ends with a slash; `''` for the working directory */
  constructor(prefix: string) {
    this.prefix = prefix
  }

  /**
   * @param path from the tree's root, of which all but the last part are folders, and no symlinks
   * @returns byte text, valid until `release`, as long as those folders are what they were
   * @throws what opening a folder throws
   */
  of(path: BytePath): BytePath {
    const folder = heldFor(path)
    if (folder === '') return this.prefix + path || '.'
    return `/proc/${process.pid}/fd/${this.hold(folder)}/${path.slice(folder.length + 1)}`
  }

  get areMany(): boolean {
    return this.held.size >= MANY
  }

  /** Folders may have been replaced, or are no longer needed. */
  release(): void {
    for (const fd of this.held.values()) closeSync(fd)
    this.held.clear()
  }

  private hold(folder: BytePath): number {
    const known = this.held.get(folder)
    if (known !== undefined) return known
    const missing: BytePath[] = []
    for (let at = folder; at !== '' && !this.held.has(at); at = heldFor(at)) missing.push(at)
    let fd = -1
    for (const at of missing.reverse()) {
      fd = openSync(Buffer.from(this.of(at), 'latin1'), FOLDER)
      this.held.set(at, fd)
    }
    return fd
  }
}

/** The folder of a path that is held open to reach it; `''` for a path that is short. The same for all that are near each other. */
function heldFor(path: BytePath): BytePath {
  const at = path.length - (path.length % STEP_BYTES)
  return at === 0 ? '' : path.slice(0, Math.max(0, path.lastIndexOf('/', at)))
}
