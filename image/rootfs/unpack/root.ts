/** The folder an image is unpacked into: what a layer brings takes the place of whatever was there. */
import { chmodSync, mkdirSync, readdirSync, unlinkSync } from 'node:fs'
import { codeOf, HeadstartError } from '../../../system/errors.ts'
import { removeTreeSync } from '../../../system/files/remove-tree.ts'
import { RootFolder } from '../../../system/files/secure-join.ts'
import { ShortPaths } from '../../../system/files/short-paths.ts'
import { type BytePath, baseOf, parentOf, textOf } from '../../../system/text/byte-path.ts'
import { self } from './file.ts'

/** The mode of implied directories; others get theirs from their entries. */
const IMPLIED_MODE = 0o755

/** Walking a path that is not as long costs the kernel less than a detour. */
const LONG_BYTES = 512

/** What is known about directories is forgotten when one is removed, and where links lead when anything changes that could change it. */
export class UnpackRoot extends RootFolder {
  private readonly paths: ShortPaths

  /** @param folder absolute */
  constructor(folder: string) {
    super(folder)
    this.paths = new ShortPaths(`${Buffer.from(folder).toString('latin1')}/`)
  }

  /** The path on this machine, valid until anything is removed, or the next `relieve`. */
  override hostPath(path: BytePath): string | Buffer {
    const whole = super.hostPath(path)
    return path.length < LONG_BYTES ? whole : Buffer.from(this.paths.of(path), 'latin1')
  }

  /** Called where no path is in use: lets go of folders that are held open, if they are many. */
  relieve(): void {
    if (this.paths.areMany) this.paths.release()
  }

  /** Lets go of all of them. */
  close(): void {
    this.paths.release()
  }

  /** `path` with its parent's symlinks followed; the parent is made where it is missing. Its last part is never followed. */
  locate(path: BytePath): BytePath {
    const parent = parentOf(path)
    const at = this.directories.has(parent) ? parent : this.directory(parent, true)
    if (at === undefined) throw unpackError(path, 'its folder is missing')
    return at === '' ? baseOf(path) : `${at}/${baseOf(path)}`
  }

  /** As `locate`, but makes nothing. */
  find(path: BytePath): BytePath | undefined {
    const at = this.directory(parentOf(path), false)
    return at === undefined ? undefined : at === '' ? baseOf(path) : `${at}/${baseOf(path)}`
  }

  /** Makes a directory in place of whatever else is there. @returns whether it is new */
  makeDirectory(path: BytePath, mode: number): boolean {
    if (this.directories.has(path)) return false
    try {
      mkdirSync(this.hostPath(path), mode)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (this.stat(path)?.isDirectory()) {
        this.directories.add(path)
        return false
      }
      this.remove(path)
      mkdirSync(this.hostPath(path), mode)
    }
    this.directories.add(path)
    return true
  }

  /** Removes whatever is there, whole trees too; symlinks are removed, not followed. */
  remove(path: BytePath): void {
    const host = this.hostPath(path)
    try {
      unlinkSync(host)
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return
      removeTreeSync(host)
      this.paths.release()
      this.directories.clear()
      this.directories.add('')
    }
    this.resolved.clear()
  }

  names(directory: BytePath): string[] {
    return readdirSync(this.hostPath(directory), { encoding: 'latin1' })
  }

  protected override make(path: BytePath): boolean {
    const isNew = this.makeDirectory(path, IMPLIED_MODE)
    if (isNew && (IMPLIED_MODE & self.mask) !== IMPLIED_MODE) chmodSync(this.hostPath(path), IMPLIED_MODE)
    return isNew
  }
}

export const unpackError = (path: BytePath, why: string): HeadstartError =>
  new HeadstartError('E_UNPACK', `${JSON.stringify(textOf(path))} can't be unpacked: ${why}`)
