/**
 * Spools a layer that must unpack to the very bytes it unpacks to now, so that its diffID stays: the tar as it is, compressed on the way. It fails on
 * anything that would have to be changed for a lazy runtime.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { isFormatFile, TOC_NAME } from '../../image/estargz/format/toc.ts'
import { hardlinkFaults } from '../../image/estargz/verify/hardlinks.ts'
import { paddingOf, type TarEntry } from '../../image/tar/entry.ts'
import type { TarEvent } from '../../image/tar/scan.ts'
import { HeadstartError } from '../../system/errors.ts'
import { type BytePath, textOf } from '../../system/text/byte-path.ts'
import { refuseOurFolder } from '../rebuild/own-names.ts'
import { type LayerFiles, type SpooledEntry, type SpooledLayer, spooledEntry } from './spooled-layer.ts'
import { type SpoolOptions, spoolThrough, TarCompressor, type TarSpooler } from './tar-compressor.ts'

/** Tools fill their last block of 10 KiB; readers take no more than this behind a chunk. */
const MAX_TAIL_BYTES = 32 << 20

/**
 * As `spoolTar`.
 * @throws HeadstartError E_TAR, E_PATH, E_COMPRESSION, E_DIGEST; E_DIFF_ID: the layer can't be read lazily unless its tar is changed
 */
export function spoolWholeTar(
  source: Readable,
  files: LayerFiles,
  options: SpoolOptions,
  where: string,
): Promise<SpooledLayer> {
  return spoolThrough(new WholeSpooler(files, options, where), source, where)
}

class WholeSpooler implements TarSpooler {
  private readonly files: LayerFiles
  private readonly options: SpoolOptions
  private readonly where: string
  private readonly entries: SpooledEntry[] = []
  private readonly paths = new Set<BytePath>()
  private readonly compressor: TarCompressor
  private hashed: { readonly entry: SpooledEntry; readonly hash: Hash } | undefined

  constructor(files: LayerFiles, options: SpoolOptions, where: string) {
    this.files = files
    this.options = options
    this.where = where
    this.compressor = new TarCompressor(files, options, ({ path }) => isFormatFile(path))
  }

  take(bytes: Buffer, events: Iterable<TarEvent>): void {
    this.append(bytes)
    for (const event of events) {
      if (event.kind === 'entry') this.entry(event.entry, event.contentAt)
      else this.hashed?.hash.update(event.bytes)
    }
  }

  private append(bytes: Buffer): void {
    this.compressor.append(bytes)
    if (this.hashed === undefined && this.files.spool.size - this.end > MAX_TAIL_BYTES + bytes.length)
      throw new HeadstartError(
        'E_TAR',
        `${this.where}: more than ${MAX_TAIL_BYTES} bytes follow its last file`,
      )
  }

  /** of the content so far: padding and headers that follow are of the next entry */
  private get end(): number {
    return this.entries.at(-1)?.end ?? 0
  }

  private entry(entry: TarEntry, contentAt: number): void {
    this.check(entry, contentAt)
    this.closeFile()
    this.files.spool.expect(entry.size, JSON.stringify(textOf(entry.path)))
    const start = this.end
    const spooled = { ...spooledEntry(entry, start, contentAt - start), end: contentAt + entry.size }
    this.entries.push(spooled)
    this.compressor.add(spooled)
    if (spooled.size > this.options.chunkSizeOf(spooled))
      this.hashed = { entry: spooled, hash: createHash('sha256') }
  }

  private check(entry: TarEntry, contentAt: number): void {
    const { path, type, header, standsAlone } = entry
    refuseOurFolder(entry, this.where)
    const last = this.entries.at(-1)
    const expected = this.end + paddingOf(last?.size ?? 0) + header.length
    const fault =
      path === TOC_NAME
        ? 'is a table of contents, which would be a part of the layer twice'
        : type === 'reg' && !standsAlone
          ? 'is stored without its holes'
          : contentAt !== expected
            ? 'stands behind global PAX records'
            : this.paths.has(path)
              ? 'is there twice'
              : undefined
    if (fault !== undefined) throw cantStay(this.where, path, fault)
    this.paths.add(path)
  }

  private closeFile(): void {
    const { hashed } = this
    this.hashed = undefined
    if (hashed) hashed.entry.digest = `sha256:${hashed.hash.digest('hex')}`
  }

  send(): Promise<void> {
    return this.compressor.send()
  }

  async finish(): Promise<SpooledLayer> {
    this.closeFile()
    const [fault] = hardlinkFaults(this.entries)
    if (fault) throw cantStay(this.where, fault.path, fault.message)
    const tail = { start: this.end, end: this.files.spool.size }
    const stored = await this.compressor.finish(tail)
    return { ...stored, entries: this.entries, own: [], notes: [], tail }
  }
}

const cantStay = (where: string, path: BytePath, fault: string): HeadstartError =>
  new HeadstartError(
    'E_DIFF_ID',
    `${where}: ${JSON.stringify(textOf(path))} ${fault}: a lazy runtime can't use it unless it is changed, which would change the diffID`,
    { hint: 'Leave out --keep-diff-id' },
  )
