/** What every spooler of a tar does: each byte goes into the spool and, cut into members, to the compressors. */
import type { Readable } from 'node:stream'
import { compressionError, decompress } from '../../image/compression/decompress.ts'
import type { Codec } from '../../image/estargz/format/formats.ts'
import { MemberCutter, type Range } from '../../image/estargz/write/members.ts'
import { type TarEvent, TarScanner } from '../../image/tar/scan.ts'
import { createCollector } from '../../system/minor-gc.ts'
import { Batcher } from '../compress/batcher.ts'
import { MemberCache } from '../compress/cache.ts'
import type { Pool } from '../compress/pool.ts'
import { type LayerFiles, type SpooledEntry, type SpooledLayer, setDigest } from './spooled-layer.ts'

export interface SpoolOptions {
  readonly pool: Pool
  readonly codec?: Codec | undefined
  readonly level: number
  readonly minChunkSize: number
  chunkSizeOf(file: { readonly path: string; readonly size: number }): number
  /** uncompressed bytes read so far */
  onBytes?(bytes: number): void
}

export interface TarSpooler {
  /** @param bytes of the tar, and what they are, which is found as it is walked through */
  take(bytes: Buffer, events: Iterable<TarEvent>): void | Promise<void>
  send(): Promise<void>
  finish(): Promise<SpooledLayer>
}

/**
 * Reads a layer to its end through a spooler.
 * @param where the layer's name, for errors
 */
export async function spoolThrough(
  spooler: TarSpooler,
  source: Readable,
  where: string,
): Promise<SpooledLayer> {
  try {
    const { stream } = await decompress(source)
    const scanner = new TarScanner()
    const used = createCollector(16 << 20)
    for await (const bytes of stream) {
      used(bytes.length)
      await spooler.take(bytes, scanner.push(bytes))
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

export class TarCompressor {
  readonly cache = new MemberCache()
  private readonly files: LayerFiles
  private readonly options: SpoolOptions
  private readonly cutter: MemberCutter<SpooledEntry>
  private readonly batcher: Batcher<SpooledEntry>

  /** @param isAlone an entry that shares its member with no other */
  constructor(files: LayerFiles, options: SpoolOptions, isAlone: (entry: SpooledEntry) => boolean) {
    this.files = files
    this.options = options
    const { pool, codec, level, minChunkSize, chunkSizeOf } = options
    this.cutter = new MemberCutter<SpooledEntry>({ chunkSizeOf, minChunkSize, isAlone })
    const { members: file } = files
    this.batcher = new Batcher({ pool, codec, level, cache: this.cache, file, onShared: setDigest })
  }

  append(bytes: Uint8Array): void {
    this.files.spool.append(bytes)
    this.batcher.append(bytes)
  }

  add(entry: SpooledEntry): void {
    this.batcher.cut(this.cutter.add(entry))
  }

  async send(): Promise<void> {
    await this.batcher.send()
    await this.files.spool.drain()
    this.options.onBytes?.(this.files.spool.size)
  }

  /** @param tail of the spool: what follows the last entry and is kept */
  async finish(tail?: Range): Promise<Pick<SpooledLayer, 'cache' | 'spool' | 'members'>> {
    this.batcher.cut(this.cutter.finish(tail))
    await this.batcher.finish()
    const { spool, members } = this.files
    await Promise.all([spool.flush(), members.flush()])
    return { cache: this.cache, spool: spool.path, members: members.path }
  }
}
