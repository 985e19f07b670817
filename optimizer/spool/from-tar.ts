/**
 * Reads a layer once, whatever its compression: checks it, unpacks it into the spool, and has it compressed at once in the order it comes in.
 * Most of that order stays: only the members around files that move are compressed again.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { isFormatFile } from '../../image/estargz/format/toc.ts'
import { standaloneHeader } from '../../image/tar/encode.ts'
import { paddingOf, type TarEntry } from '../../image/tar/entry.ts'
import type { TarEvent } from '../../image/tar/scan.ts'
import { textOf } from '../../system/text/byte-path.ts'
import { ownNameNote, refuseOurFolder } from '../rebuild/own-names.ts'
import { type LayerFiles, type SpooledEntry, type SpooledLayer, spooledEntry } from './spooled-layer.ts'
import { type SpoolOptions, spoolThrough, TarCompressor, type TarSpooler } from './tar-compressor.ts'

const PADDING = Buffer.alloc(512)

/**
 * @param source the blob's stored bytes, which fail at their end when they aren't the descriptor's
 * @param where the layer's name, for errors
 * @throws HeadstartError E_TAR, E_PATH, E_COMPRESSION, E_DIGEST
 */
export function spoolTar(
  source: Readable,
  files: LayerFiles,
  options: SpoolOptions,
  where: string,
): Promise<SpooledLayer> {
  return spoolThrough(new EntrySpooler(files, options, where), source, where)
}

class EntrySpooler implements TarSpooler {
  private readonly files: LayerFiles
  private readonly options: SpoolOptions
  private readonly where: string
  private readonly entries: SpooledEntry[] = []
  private readonly compressor: TarCompressor
  private current: { entry: SpooledEntry; left: number; hash: Hash | undefined } | undefined
  private readonly own: SpooledEntry[] = []
  private isLastOwn = false
  private unsent = 0

  constructor(files: LayerFiles, options: SpoolOptions, where: string) {
    this.files = files
    this.options = options
    this.where = where
    this.compressor = new TarCompressor(files, options, () => false)
  }

  async take(_: Buffer, events: Iterable<TarEvent>): Promise<void> {
    for (const event of events) {
      if (event.kind === 'entry') this.entry(event.entry)
      else this.data(event.bytes)
      if (this.isFull) await this.send()
    }
  }

  /** Holes of a sparse file come without end: bytes must be sent between two of its pieces. */
  private get isFull(): boolean {
    return this.unsent > 4 << 20
  }

  private entry(entry: TarEntry): void {
    refuseOurFolder(entry, this.where)
    this.isLastOwn = isFormatFile(entry.path)
    this.files.spool.expect(entry.size, JSON.stringify(textOf(entry.path)))
    const header = standaloneHeader(entry)
    const spooled = spooledEntry(entry, this.files.spool.size, header.length)
    this.append(header)
    if (this.isLastOwn) this.own.push(spooled)
    else this.entries.push(spooled)
    this.compressor.add(spooled)
    if (spooled.size === 0) return
    const isChunked = spooled.size > this.options.chunkSizeOf(spooled)
    this.current = { entry: spooled, left: spooled.size, hash: isChunked ? createHash('sha256') : undefined }
  }

  private data(bytes: Buffer): void {
    const { current } = this
    if (current === undefined) return
    this.append(bytes)
    current.hash?.update(bytes)
    current.left -= bytes.length
    if (current.left > 0) return
    if (current.hash) current.entry.digest = `sha256:${current.hash.digest('hex')}`
    this.append(PADDING.subarray(0, paddingOf(current.entry.size)))
    this.current = undefined
  }

  private append(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.compressor.append(bytes)
    this.unsent += bytes.length
  }

  async send(): Promise<void> {
    this.unsent = 0
    await this.compressor.send()
  }

  async finish(): Promise<SpooledLayer> {
    return {
      ...(await this.compressor.finish()),
      entries: this.entries,
      own: this.own,
      notes: this.own.flatMap((entry, index) =>
        ownNameNote(entry, this.isLastOwn && index === this.own.length - 1),
      ),
    }
  }
}
