/**
 * Applies one layer's entries to a folder. Synchronous file calls on purpose: a layer is mostly small files, and handing each call to
 * another thread costs more than the call; meanwhile the decompressor has that thread.
 */
import { chmodSync, lchownSync, linkSync, lutimesSync, symlinkSync, utimesSync } from 'node:fs'
import { codeOf, HeadstartError, isDiskFull, messageOf } from '../../../system/errors.ts'
import { type BytePath, baseOf, parentOf, textOf } from '../../../system/text/byte-path.ts'
import type { TarEntry } from '../../tar/entry.ts'
import { isWhiteout, OPAQUE_WHITEOUT, whiteoutTarget } from '../merge-layers.ts'
import { boundTime, FileWriter, self } from './file.ts'
import { UnpackRoot, unpackError } from './root.ts'
import { SpecialFiles } from './special.ts'

export class LayerWriter {
  private readonly root: UnpackRoot
  private readonly special: SpecialFiles
  /** paths that this layer added: its own whiteouts spare them */
  private placed = new Set<BytePath>()
  /** directories that hold nothing from lower layers any more: a second marker has nothing to do there */
  private cleared = new Set<BytePath>()
  /** in seconds; set at the end, since adding an entry to a directory changes its time */
  private readonly directoryTimes = new Map<BytePath, number>()
  private current: FileWriter | undefined

  /** @param folder absolute */
  constructor(folder: string) {
    this.root = new UnpackRoot(folder)
    this.special = new SpecialFiles(this.root, folder)
  }

  /** @throws HeadstartError E_UNPACK, E_TAR */
  entry(entry: TarEntry): void {
    this.endFile()
    this.root.relieve()
    try {
      if (isWhiteout(entry.path)) this.whiteout(entry.path)
      else this.place(entry)
    } catch (error) {
      if (error instanceof HeadstartError || isDiskFull(error)) throw error
      throw unpackError(entry.path, messageOf(error))
    }
  }

  /** Content of the last entry. */
  data(bytes: Buffer): void {
    this.current?.write(bytes)
  }

  /** After a layer's last entry. Directories' times wait for `finish`. */
  async endLayer(signal?: AbortSignal): Promise<void> {
    this.endFile()
    await this.special.flush(signal)
    this.special.endLayer()
    this.placed = new Set()
    this.cleared = new Set()
  }

  /** Called between two entries: flushes what has gathered. */
  async relieve(signal?: AbortSignal): Promise<void> {
    if (this.special.isFull) await this.special.flush(signal)
  }

  /** After the last layer. @returns a warning, where something is missing that no container needs to start */
  finish(): string | undefined {
    for (const [path, time] of this.directoryTimes) {
      this.root.relieve()
      if (this.root.isReached(path)) utimesSync(this.root.hostPath(path), time, time)
    }
    this.root.close()
    return this.special.warning
  }

  /** Closes what is open when unpacking ends early. */
  abandon(): void {
    this.current?.abandon()
    this.current = undefined
    this.root.close()
  }

  private place(entry: TarEntry): void {
    if (entry.path === '') {
      if (entry.type === 'dir') this.setDirectory('', entry)
      return
    }
    const path = this.root.locate(entry.path)
    this.bring(parentOf(path))
    this.placed.add(path)
    this.special.forget(path)
    switch (entry.type) {
      case 'dir':
        this.root.makeDirectory(path, entry.mode)
        this.setDirectory(path, entry)
        break
      case 'reg':
        this.openFile(path, entry)
        break
      case 'symlink':
        this.symlink(path, entry)
        break
      case 'hardlink':
        this.hardlink(path, entry)
        break
      default:
        this.root.remove(path)
        this.special.addNode(path, entry)
    }
  }

  /** Marks a directory and its ancestors as this layer's own. */
  private bring(directory: BytePath): void {
    // Those above one that is are, too.
    for (let at = directory; at !== '' && !this.placed.has(at); at = parentOf(at)) this.placed.add(at)
  }

  private setDirectory(path: BytePath, { uid, gid, mode, mtime, xattrs }: TarEntry): void {
    const host = this.root.hostPath(path)
    lchownSync(host, uid, gid)
    chmodSync(host, mode)
    this.directoryTimes.set(path, boundTime(mtime))
    this.special.addXattrs(path, xattrs)
  }

  private openFile(path: BytePath, entry: TarEntry): void {
    const open = () => new FileWriter(this.root.hostPath(path), path, entry)
    this.current = this.replacing(path, open)
    if (entry.size === 0) this.endFile()
  }

  /** Attributes last: changing the owner clears capabilities. */
  private endFile(): void {
    const file = this.current
    if (!file) return
    this.current = undefined
    file.end()
    if (file.entry.xattrs.size > 0) this.special.addXattrs(file.path, file.entry.xattrs)
  }

  private symlink(path: BytePath, { linkName, uid, gid, mtime, xattrs }: TarEntry): void {
    const target = Buffer.from(linkName, 'latin1')
    this.replacing(path, () => symlinkSync(target, this.root.hostPath(path)))
    const host = this.root.hostPath(path)
    if (uid !== self.uid || gid !== self.gid) lchownSync(host, uid, gid)
    const time = boundTime(mtime)
    lutimesSync(host, time, time)
    this.special.addXattrs(path, xattrs)
  }

  /** The target may lie in a lower layer; it is never followed when it is a symlink itself. */
  private hardlink(path: BytePath, { linkPath = '', path: name }: TarEntry): void {
    const target = this.root.find(linkPath)
    if (target === path) return
    const stat = target === undefined ? undefined : this.root.stat(target)
    if (target !== undefined && !stat && this.special.copyNode(target, path)) return
    if (target === undefined || !stat)
      throw unpackError(name, `it links to ${JSON.stringify(textOf(linkPath))}, which isn't there`)
    if (stat.isDirectory()) throw unpackError(name, 'it is a hardlink to a directory')
    this.replacing(path, () => linkSync(this.root.hostPath(target), this.root.hostPath(path)))
  }

  private replacing<T>(path: BytePath, make: () => T): T {
    try {
      return make()
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      this.root.remove(path)
      return make()
    }
  }

  /** Its folder is created, like that of any other entry. */
  private whiteout(name: BytePath): void {
    const path = this.root.locate(name)
    this.bring(parentOf(path))
    if (baseOf(name) === OPAQUE_WHITEOUT) this.clearLower(parentOf(path))
    const target = whiteoutTarget(path)
    if (target !== undefined) this.removeLower(target)
  }

  /** Removes what lower layers added, and keeps what this one did. */
  private removeLower(path: BytePath): void {
    if (!this.placed.has(path)) {
      this.special.forget(path)
      this.root.remove(path)
    } else if (this.root.stat(path)?.isDirectory()) this.clearLower(path)
  }

  private clearLower(directory: BytePath): void {
    const stack = [directory]
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (this.cleared.has(at)) continue
      this.cleared.add(at)
      this.root.relieve()
      for (const name of this.root.names(at)) {
        const path = at === '' ? name : `${at}/${name}`
        if (!this.placed.has(path)) this.root.remove(path)
        else if (this.root.stat(path)?.isDirectory()) stack.push(path)
      }
    }
  }
}
