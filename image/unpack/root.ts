/**
 * The folder an image is unpacked into, and the one place that turns an image's paths into this machine's. Symlinks of the image on
 * the way to a path are followed as its container would follow them, and never out of the folder.
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { codeOf, HeadstartError } from '../errors.ts'
import { type BytePath, baseOf, parentOf, textOf } from '../paths.ts'

/** As many as the kernel follows. */
const MAX_LINKS = 40
const ASCII = /^[ -~]*$/

/** Implied directories' mode; whoever unpacks sets others. */
const IMPLIED_MODE = 0o755

export class UnpackRoot {
  private readonly folder: string
  private readonly folderBytes: Buffer
  /** paths that are directories themselves, not symlinks to some; emptied when a directory goes */
  private readonly directories = new Set<BytePath>([''])
  /** where a directory's path leads once symlinks are followed; emptied when anything that could change it does */
  private readonly resolved = new Map<BytePath, BytePath>()

  constructor(folder: string) {
    this.folder = folder
    this.folderBytes = Buffer.from(`${folder}/`)
  }

  /** On this machine, of a path whose parent is resolved. */
  hostPath(path: BytePath): string | Buffer {
    return ASCII.test(path)
      ? `${this.folder}/${path}`
      : Buffer.concat([this.folderBytes, Buffer.from(path, 'latin1')])
  }

  /** `path` with its parent's symlinks followed; the parent is made where it is missing. Its last part is never followed. */
  locate(path: BytePath): BytePath {
    const parent = parentOf(path)
    const at = this.directories.has(parent) ? parent : this.follow(parent, true)
    if (at === undefined) throw unpackError(path, 'its folder is missing')
    return at === '' ? baseOf(path) : `${at}/${baseOf(path)}`
  }

  /** As `locate`, but makes nothing. */
  find(path: BytePath): BytePath | undefined {
    const at = this.follow(parentOf(path), false)
    return at === undefined ? undefined : at === '' ? baseOf(path) : `${at}/${baseOf(path)}`
  }

  /** True while every part of the path is a directory itself: what was put there still is where it was put. */
  isReached(directory: BytePath): boolean {
    return this.directories.has(directory) || this.follow(directory, false) === directory
  }

  stat(path: BytePath): Stats | undefined {
    return lstatSync(this.hostPath(path), { throwIfNoEntry: false })
  }

  /** Makes a directory in place of whatever else is there. @returns whether it is new */
  makeDirectory(path: BytePath, mode: number): boolean {
    if (this.directories.has(path)) return false
    const host = this.hostPath(path)
    try {
      mkdirSync(host, mode)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (this.stat(path)?.isDirectory()) {
        this.directories.add(path)
        return false
      }
      this.remove(path)
      mkdirSync(host, mode)
    }
    this.directories.add(path)
    return true
  }

  /** Removes whatever is there, trees included; symlinks are removed, not followed. */
  remove(path: BytePath): void {
    const host = this.hostPath(path)
    try {
      unlinkSync(host)
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return
      removeTree(host)
      this.directories.clear()
      this.directories.add('')
    }
    this.resolved.clear()
  }

  names(directory: BytePath): string[] {
    return readdirSync(this.hostPath(directory), { encoding: 'latin1' })
  }

  private follow(directory: BytePath, isMade: boolean): BytePath | undefined {
    const known = this.resolved.get(directory)
    if (known !== undefined && this.directories.has(known)) return known
    const pending = directory === '' ? [] : directory.split('/').reverse()
    let at: BytePath = ''
    let links = 0
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === '..') {
        at = parentOf(at)
        continue
      }
      const next: BytePath = at === '' ? part : `${at}/${part}`
      const target = this.directories.has(next) ? undefined : this.linkTarget(next)
      if (target === undefined) {
        if (!this.step(next, isMade)) return undefined
        at = next
        continue
      }
      if (++links > MAX_LINKS) throw unpackError(directory, 'it has too many symlinks')
      if (target.startsWith('/')) at = ''
      pending.push(
        ...target
          .split('/')
          .filter((name) => name !== '' && name !== '.')
          .reverse(),
      )
    }
    this.resolved.set(directory, at)
    return at
  }

  /** One part of a path that is no symlink. */
  private step(path: BytePath, isMade: boolean): boolean {
    if (this.directories.has(path)) return true
    if (isMade) {
      if (this.makeDirectory(path, IMPLIED_MODE)) chmodSync(this.hostPath(path), IMPLIED_MODE)
      return true
    }
    if (!this.stat(path)?.isDirectory()) return false
    this.directories.add(path)
    return true
  }

  private linkTarget(path: BytePath): string | undefined {
    return this.stat(path)?.isSymbolicLink()
      ? readlinkSync(this.hostPath(path), { encoding: 'latin1' })
      : undefined
  }
}

/** By hand, since `rmSync` takes no names but text. */
function removeTree(host: string | Buffer): void {
  const stack = [Buffer.from(host)]
  const emptied: Buffer[] = []
  for (let folder = stack.pop(); folder; folder = stack.pop()) {
    emptied.push(folder)
    for (const name of readdirSync(folder, { encoding: 'buffer' })) {
      const path = Buffer.concat([folder, Buffer.from('/'), name])
      if (lstatSync(path).isDirectory()) stack.push(path)
      else unlinkSync(path)
    }
  }
  for (const folder of emptied.reverse()) rmdirSync(folder)
}

export const unpackError = (path: BytePath, why: string): HeadstartError =>
  new HeadstartError('E_UNPACK', `${JSON.stringify(textOf(path))} can't be unpacked: ${why}`)
