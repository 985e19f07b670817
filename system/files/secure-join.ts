/**
 * A folder that holds a container's root, and the only place that turns paths inside it into paths of this machine. Symlinks are followed as
 * the container would follow them, never out of the folder, and at most as many as the kernel follows; folders are made one by one.
 * Nothing else may write to the folder meanwhile. Synchronous: unpacking asks for every file, and answers are mostly cached.
 */
import { lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs'
import { codeOf, HeadstartError } from '../errors.ts'
import { type BytePath, parentOf, textOf } from '../text/byte-path.ts'

/** As many as the kernel follows. */
const MAX_LINKS = 40
const ASCII = /^[ -~]*$/
/** An empty part, `.` or `..`: such a path has not been resolved. */
const UNRESOLVED = /(?:^|\/)\.{0,2}(?:\/|$)/

/** The bytes of a path that is text, as a container has it in its config. */
export const bytePathOf = (text: string): BytePath => Buffer.from(text, 'utf8').toString('latin1')

export class RootFolder {
  private readonly folder: string
  private readonly folderBytes: Buffer
  /** paths that are directories themselves, not symlinks to some */
  protected readonly directories = new Set<BytePath>([''])
  /** a directory's path with all symlinks resolved */
  protected readonly resolved = new Map<BytePath, BytePath>()
  /** the directory that the walk has just made, which is empty */
  private fresh: BytePath | undefined

  /** @param folder absolute */
  constructor(folder: string) {
    this.folder = folder
    this.folderBytes = Buffer.from(`${folder}/`)
  }

  /**
   * The path on this machine; its parent must be resolved.
   * @throws HeadstartError E_PATH: it has a part that is empty, `.` or `..`
   */
  hostPath(path: BytePath): string | Buffer {
    if (path !== '' && UNRESOLVED.test(path)) throw pathError(path, 'is not resolved')
    return ASCII.test(path)
      ? `${this.folder}/${path}`
      : Buffer.concat([this.folderBytes, Buffer.from(path, 'latin1')])
  }

  stat(path: BytePath): Stats | undefined {
    return lstatSync(this.hostPath(path), { throwIfNoEntry: false })
  }

  /**
   * Where a path leads, its last part's symlinks followed too.
   * @param isMade makes it a directory, and those above it, where they are missing
   * @returns undefined when what it points to is not a directory, or isn't there
   * @throws HeadstartError E_PATH: more symlinks than the kernel follows; a directory can't be made where something else is
   */
  directory(path: BytePath, isMade: boolean): BytePath | undefined {
    const known = this.resolved.get(path)
    if (known !== undefined && this.directories.has(known)) return known
    const at = this.walk(path, (next) => this.step(next, isMade))
    if (at !== undefined) this.resolved.set(path, at)
    return at
  }

  /** What a path resolves to, of any type; undefined if a folder on the way is missing. @throws HeadstartError E_PATH */
  follow(path: BytePath): BytePath | undefined {
    // Only the last part may be something other than a directory.
    let isOver = false
    return this.walk(path, (next) => {
      if (isOver) return false
      isOver = !this.step(next, false)
      return true
    })
  }

  /** What a path resolves to even if nothing is there: missing parts are kept as they are. @throws HeadstartError E_PATH */
  join(path: BytePath): BytePath {
    return this.walk(path, () => true) ?? ''
  }

  /** Whether every part of the path is a directory itself, so that what was put there still is where it was put. */
  isReached(directory: BytePath): boolean {
    return this.directories.has(directory) || this.directory(directory, false) === directory
  }

  /** @param enter called for each part that is not a symlink; false ends the walk */
  private walk(path: BytePath, enter: (next: BytePath) => boolean): BytePath | undefined {
    const pending = partsOf(path)
    this.fresh = undefined
    let at: BytePath = ''
    let links = 0
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === '..') {
        at = parentOf(at)
        continue
      }
      const next: BytePath = at === '' ? part : `${at}/${part}`
      const isNoLink = this.directories.has(next) || at === this.fresh
      const target = isNoLink ? undefined : this.linkTarget(next)
      if (target === undefined) {
        if (!enter(next)) return undefined
        at = next
        continue
      }
      if (++links > MAX_LINKS) throw pathError(path, 'has too many symlinks')
      if (target.startsWith('/')) at = ''
      pending.push(...partsOf(target))
    }
    return at
  }

  /** One part of a path that is not a symlink. */
  private step(path: BytePath, isMade: boolean): boolean {
    if (this.directories.has(path)) return true
    if (isMade) this.fresh = this.make(path) ? path : undefined
    else if (!this.stat(path)?.isDirectory()) return false
    this.directories.add(path)
    return true
  }

  /** Makes a directory on the way if it is missing; the unpacker overrides it to replace other files. @returns whether it is new */
  protected make(path: BytePath): boolean {
    try {
      mkdirSync(this.hostPath(path), 0o755)
      return true
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (!this.stat(path)?.isDirectory()) throw pathError(path, 'is not a directory in the image')
      return false
    }
  }

  protected linkTarget(path: BytePath): string | undefined {
    return this.stat(path)?.isSymbolicLink()
      ? readlinkSync(this.hostPath(path), { encoding: 'latin1' })
      : undefined
  }
}

/** The last first. */
const partsOf = (path: BytePath): string[] =>
  path
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .reverse()

const pathError = (path: BytePath, why: string): HeadstartError =>
  new HeadstartError('E_PATH', `the path ${JSON.stringify(textOf(path.slice(0, 200)))} ${why}`)
