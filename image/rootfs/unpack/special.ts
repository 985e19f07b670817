/**
 * What Node can't create itself: device nodes, fifos, extended attributes. Collected while a layer is unpacked, then created in one go by `tar`
 * and `setfattr`. What was replaced or removed in the meantime is left out, so that neither program follows what took its place.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { tryCommand } from '../../../system/process/command.ts'
import { type BytePath, parentOf } from '../../../system/text/byte-path.ts'
import { END_OF_TAR, encodeHeader } from '../../tar/encode.ts'
import { BLOCK, type TarEntry } from '../../tar/entry.ts'
import type { UnpackRoot } from './root.ts'

/** Images have a few; a layer with more is meant to fill the disk's inodes, or our memory. */
const MAX_NODES = 10_000
/** Once this many bytes of attributes have gathered, they don't wait for the end of the layer. */
const BATCH_BYTES = 16 << 20
/** What a file with attributes takes besides them. */
const FILE_BYTES = 256
const C_LOCALE = { ...process.env, LC_ALL: 'C' }

interface Attributed {
  readonly inode: number
  readonly xattrs: ReadonlyMap<string, Buffer>
}

export class SpecialFiles {
  private readonly root: UnpackRoot
  private readonly folder: string
  private readonly nodes = new Map<BytePath, TarEntry>()
  private readonly attributed = new Map<BytePath, Attributed>()
  private xattrBytes = 0
  private nodeCount = 0
  private readonly refused = { count: 0, first: '' }

  constructor(root: UnpackRoot, folder: string) {
    this.root = root
    this.folder = folder
  }

  /** @param path located, with nothing at it */
  addNode(path: BytePath, entry: TarEntry): void {
    this.nodes.set(path, entry)
    if (++this.nodeCount > MAX_NODES)
      throw new HeadstartError('E_UNPACK', `the layer has more than ${MAX_NODES} device nodes and fifos`)
  }

  /** For a hardlink to a node that is yet to be created: another node serves as well. @returns whether there is one */
  copyNode(target: BytePath, path: BytePath): boolean {
    const entry = this.nodes.get(target)
    if (entry) this.addNode(path, entry)
    return entry !== undefined
  }

  /** Whatever stood at the path is gone. */
  forget(path: BytePath): void {
    this.nodes.delete(path)
    this.attributed.delete(path)
  }

  /** Overlayfs would obey its own attributes; they are not content of an image. */
  addXattrs(path: BytePath, xattrs: ReadonlyMap<string, Buffer>): void {
    const kept = new Map([...xattrs].filter(([name]) => !name.startsWith('trusted.overlay.')))
    if (kept.size === 0) return
    for (const [name, value] of kept) this.xattrBytes += name.length + value.length
    this.xattrBytes += path.length + FILE_BYTES
    this.attributed.set(path, { inode: this.root.stat(path)?.ino ?? 0, xattrs: kept })
  }

  /** True when enough has gathered to be flushed before the end of the layer. */
  get isFull(): boolean {
    return this.xattrBytes > BATCH_BYTES
  }

  /** After a layer's last entry. */
  endLayer(): void {
    this.nodeCount = 0
  }

  /** What the file system refused, in one line. */
  get warning(): string | undefined {
    const { count, first } = this.refused
    if (count === 0) return undefined
    return `${count} extended ${count === 1 ? 'attribute was' : 'attributes were'} refused and ${count === 1 ? 'is' : 'are'} missing, the first: ${first}`
  }

  /** @throws HeadstartError E_UNPACK, E_COMMAND */
  async flush(signal?: AbortSignal): Promise<void> {
    const nodes = [...this.nodes].filter(
      ([path]) => this.root.isReached(parentOf(path)) && !this.root.stat(path),
    )
    const attributed = [...this.attributed].filter(
      ([path, { inode }]) => this.root.isReached(parentOf(path)) && this.root.stat(path)?.ino === inode,
    )
    this.nodes.clear()
    this.attributed.clear()
    this.xattrBytes = 0
    if (nodes.length > 0) await this.makeNodes(nodes, signal)
    const ofNodes = nodes.flatMap(([path, { xattrs }]) => (xattrs.size > 0 ? [{ path, xattrs }] : []))
    const all = [...attributed.map(([path, { xattrs }]) => ({ path, xattrs })), ...ofNodes]
    if (all.length > 0) await this.setXattrs(all, signal)
  }

  private async makeNodes(
    nodes: readonly (readonly [BytePath, TarEntry])[],
    signal: AbortSignal | undefined,
  ) {
    const flags: Partial<Record<TarEntry['type'], string>> = { char: '3', block: '4', fifo: '6' }
    const headers = nodes.map(([name, entry]) =>
      encodeHeader({ ...entry, name, size: 0, uname: '', gname: '', flag: flags[entry.type] ?? '6' }, []),
    )
    const options = ['-x', '-p', '--numeric-owner', '--same-owner', '-P', '--keep-old-files', '-f', '-']
    await pipeTo('tar', ['-C', this.folder, ...options], Buffer.concat([...headers, END_OF_TAR]), signal)
  }

  private async setXattrs(
    items: readonly { path: BytePath; xattrs: ReadonlyMap<string, Buffer> }[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const lines = items.flatMap(({ path, xattrs }) => [
      `# file: ${escaped(path === '' ? '.' : path)}`,
      ...[...xattrs].map(([name, value]) => `${escaped(name)}=0s${value.toString('base64')}`),
      '',
    ])
    const { stderr } = await tryCommand('setfattr', ['-h', '--restore=-'], {
      cwd: this.folder,
      env: C_LOCALE,
      input: lines.join('\n'),
      ...(signal && { signal }),
    })
    // setfattr goes on after each failure. A bad ACL, or one that is too large for the file system, is no reason not to run the image.
    for (const line of stderr.split('\n')) {
      if (line === '') continue
      if (this.refused.count++ === 0) this.refused.first = line.replace(/^setfattr: /, '')
    }
  }
}

/** setfattr's own escapes: a backslash and three octal digits. */
const escaped = (text: string): string =>
  text.replace(/[^\w./+-]/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`)

async function pipeTo(
  program: string,
  args: readonly string[],
  input: Buffer,
  signal: AbortSignal | undefined,
) {
  const child = spawn(program, args, {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: C_LOCALE, // else names would be taken from UTF-8 to the locale's bytes
    ...(signal && { signal }),
  })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-BLOCK)
  })
  child.stdin.on('error', () => {}) // its status tells
  child.stdin.end(input)
  const [status] = await once(child, 'close').catch((cause: unknown) => {
    throw new HeadstartError('E_COMMAND', `${program} did not run: ${messageOf(cause)}`, { cause })
  })
  if (status !== 0)
    throw new HeadstartError(
      'E_UNPACK',
      `device nodes can't be created: ${complaint.trim().split('\n')[0] ?? status}`,
    )
}
