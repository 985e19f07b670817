/**
 * Reads a layer once, whatever its compression: checks it, unpacks it into the spool, and has it compressed at once in the order it comes in.
 * Most of that order stays: only the members around files that move are compressed again.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { compressionError, decompress } from '../../image/compression/decompress.ts'
import type { Codec } from '../../image/estargz/format/formats.ts'
import { isFormatFile } from '../../image/estargz/format/toc.ts'
import { MemberCutter } from '../../image/estargz/write/members.ts'
import { standaloneHeader } from '../../image/tar/encode.ts'
import { paddingOf, type TarEntry } from '../../image/tar/entry.ts'
import { TarScanner } from '../../image/tar/scan.ts'
import { textOf } from '../../system/byte-path.ts'
import { createCollector } from '../../system/minor-gc.ts'
import { Batcher } from '../compress/batcher.ts'
import { MemberCache } from '../compress/cache.ts'
import type { Pool } from '../compress/pool.ts'
import { ownNameNote, refuseOurFolder } from '../rebuild/own-names.ts'
import {
  type LayerFiles,
  type SpooledEntry,
  type SpooledLayer,
  setDigest,
  spooledEntry,
} from './spooled-layer.ts'

export interface SpoolOptions {
  readonly pool: Pool
  readonly codec?: Codec | undefined
  readonly level: number
  readonly minChunkSize: number
  chunkSizeOf(file: { readonly path: string; readonly size: number }): number
  /** uncompressed bytes read so far */
  onBytes?(bytes: number): void
}

const PADDING = Buffer.alloc(512)

/**
 * @param source the blob's stored bytes, which fail at their end when they aren't the descriptor's
 * @param where the layer's name, for errors
 * @throws HeadstartError E_TAR, E_PATH, E_COMPRESSION, E_DIGEST
 */
export async function spoolTar(
  source: Readable,
  files: LayerFiles,
  options: SpoolOptions,
  where: string,
): Promise<SpooledLayer> {
  const spooler = new TarSpooler(files, options, where)
  try {
    const { stream } = await decompress(source)
    const scanner = new TarScanner()
    const used = createCollector(16 << 20)
    for await (const bytes of stream) {
      used(bytes.length)
      for (const event of scanner.push(bytes)) {
        if (event.kind === 'entry') spooler.entry(event.entry)
        else spooler.data(event.bytes)
        if (spooler.isFull) await spooler.send()
      }
      await spooler.send()
    }
    scanner.finish()
    return await spooler.finish()
  } catch (error) {
    throw compressionError(error, where)
  } finally {
    source.destroy()
  }
}

class TarSpooler {
  private readonly files: LayerFiles
  private readonly options: SpoolOptions
  private readonly where: string
  private readonly entries: SpooledEntry[] = []
  private readonly cache = new MemberCache()
  private readonly cutter: MemberCutter<SpooledEntry>
  private readonly batcher: Batcher<SpooledEntry>
  private current: { entry: SpooledEntry; left: number; hash: Hash | undefined } | undefined
  private readonly own: SpooledEntry[] = []
  private isLastOwn = false
  private unsent = 0

  constructor(files: LayerFiles, options: SpoolOptions, where: string) {
    this.files = files
    this.options = options
    this.where = where
    const { pool, codec, level, minChunkSize } = options
    this.cutter = new MemberCutter<SpooledEntry>({
      chunkSizeOf: options.chunkSizeOf,
      minChunkSize,
      isAlone: () => false,
    })
    this.batcher = new Batcher<SpooledEntry>({
      pool,
      codec,
      level,
      cache: this.cache,
      file: files.members,
      onShared: setDigest,
    })
  }

  /** Holes of a sparse file come without end: bytes must be sent between two of its pieces. */
  get isFull(): boolean {
    return this.unsent > 4 << 20
  }

  entry(entry: TarEntry): void {
    refuseOurFolder(entry, this.where)
    this.isLastOwn = isFormatFile(entry.path)
    this.files.spool.expect(entry.size, JSON.stringify(textOf(entry.path)))
    const header = standaloneHeader(entry)
    const spooled = spooledEntry(entry, this.files.spool.size, header.length)
    this.append(header)
    if (this.isLastOwn) this.own.push(spooled)
    else this.entries.push(spooled)
    this.batcher.cut(this.cutter.add(spooled))
    if (spooled.size === 0) return
    const isChunked = spooled.size > this.options.chunkSizeOf(spooled)
    this.current = { entry: spooled, left: spooled.size, hash: isChunked ? createHash('sha256') : undefined }
  }

  data(bytes: Buffer): void {
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
    this.files.spool.append(bytes)
    this.batcher.append(bytes)
    this.unsent += bytes.length
  }

  async send(): Promise<void> {
    this.unsent = 0
    await this.batcher.send()
    await this.files.spool.drain()
    this.options.onBytes?.(this.files.spool.size)
  }

  async finish(): Promise<SpooledLayer> {
    this.batcher.cut(this.cutter.finish())
    await this.batcher.finish()
    const { spool, members } = this.files
    await Promise.all([spool.flush(), members.flush()])
    return {
      entries: this.entries,
      own: this.own,
      notes: this.own.flatMap((entry, index) =>
        ownNameNote(entry, this.isLastOwn && index === this.own.length - 1),
      ),
      cache: this.cache,
      spool: spool.path,
      members: members.path,
    }
  }
}
