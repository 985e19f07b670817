/**
 * Spools a layer that is already eStargz, to put it into another order: its members are taken as they are, each decoded and checked on
 * the way; nothing is compressed. Only members that hold a chunk and nothing else can be used again (ours do); the others
 * are compressed when the layer is written.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { MAX_TRAILING_BYTES } from '../../image/estargz/format/chunk-ends.ts'
import type { Chunk, EstargzEntry } from '../../image/estargz/format/entry.ts'
import { withLandmarks } from '../../image/estargz/format/landmarks.ts'
import { isFormatFile } from '../../image/estargz/format/toc.ts'
import { allGroups, cutAt, type Group } from '../../image/estargz/read/groups.ts'
import type { EstargzLayer } from '../../image/estargz/read/reader.ts'
import { TarScanner } from '../../image/tar/scan.ts'
import { createCollector } from '../../system/minor-gc.ts'
import type { BytePath } from '../../system/text/byte-path.ts'
import { MemberCache } from '../compress/cache.ts'
import type { InflateResult } from '../compress/inflate.ts'
import type { ChunkSizes } from '../plan/chunking.ts'
import { isOurFolder } from '../rebuild/own-names.ts'
import { type LayerFiles, type SpooledEntry, type SpooledLayer, spooledEntry } from './spooled-layer.ts'
import type { SpoolOptions } from './tar-compressor.ts'

/** So many headers between two chunks come close to what a job may give. */
const MAX_EMPTY_RUN = 32_768
/** Compressed bytes in one job. */
const JOB_BYTES = 1 << 20

export type SpoolEstargzOptions = Pick<SpoolOptions, 'pool' | 'onBytes'>

/**
 * @returns undefined: the layer has what can't be moved as it is (global records, sparse files, chunks of unequal sizes, very many
 * entries without content after each other): convert it
 * @throws HeadstartError E_ESTARGZ, E_DIGEST, E_TAR
 */
export async function spoolEstargz(
  source: Readable,
  layer: EstargzLayer,
  files: LayerFiles,
  options: SpoolEstargzOptions,
): Promise<SpooledLayer | undefined> {
  try {
    if (!layer.entries.every(hasKnownChunks) || longestEmptyRun(layer.entries) > MAX_EMPTY_RUN)
      return undefined
    const entries = withLandmarks(layer)
    const spooler = new EstargzSpooler(files, options, pathsCutAgain(entries))
    const batches = batchesOf(
      allGroups(
        entries.flatMap(({ chunks }) => chunks),
        layer.tocOffset,
      ),
    )
    const ends = batches.map((batch) => batch.at(-1)?.end ?? 0)
    let index = 0
    const used = createCollector(8 << 20)
    for await (const bytes of cutAt(source, ends)) {
      used(bytes.length)
      const batch = batches[index++]
      // After the last comes the table of contents; it is read so that the blob's digest is checked.
      if (batch !== undefined) await spooler.add(batch, bytes)
    }
    return await spooler.finish()
  } finally {
    source.destroy()
  }
}

/** Neighbours that together are large enough for a job. */
function batchesOf(groups: readonly Group[]): Group[][] {
  const batches: Group[][] = []
  let size = JOB_BYTES
  for (const group of groups) {
    if (size >= JOB_BYTES) {
      batches.push([])
      size = 0
    }
    batches.at(-1)?.push(group)
    size += group.end - group.offset
  }
  return batches
}

/** Files with ranges ahead: their chunks, of unequal sizes, don't stay. */
const pathsCutAgain = (entries: readonly EstargzEntry[]): ReadonlySet<BytePath> =>
  new Set(entries.flatMap(({ path, ahead }) => (ahead.length > 0 ? [path] : [])))

const hasKnownChunks = (entry: EstargzEntry): boolean =>
  entry.ahead.length > 0 ||
  entry.chunks.every(({ size }, index) => index === entry.chunks.length - 1 || size === entry.chunks[0]?.size)

function longestEmptyRun(entries: readonly EstargzEntry[]): number {
  let longest = 0
  let run = 0
  for (const { chunks } of entries) {
    run = chunks.length === 0 ? run + 1 : 0
    longest = Math.max(longest, run)
  }
  return longest
}

/** Groups whose stored bytes are in the file of members. */
interface SpooledGroups {
  readonly chunks: readonly Chunk[]
  /** where the first begins in the blob */
  readonly offset: number
  /** where it begins in the file of members */
  readonly at: number
}

class EstargzSpooler {
  private readonly files: LayerFiles
  private readonly options: SpoolEstargzOptions
  private readonly cache = new MemberCache()
  private readonly entries: SpooledEntry[] = []
  private readonly scanner = new TarScanner()
  private standsAlone = true
  private file: { entry: SpooledEntry; hash: Hash } | undefined
  /** results are taken in the order of the jobs */
  private taken: Promise<void> = Promise.resolve()
  private failure: unknown
  private readonly cutAgain: ReadonlySet<BytePath>

  constructor(files: LayerFiles, options: SpoolEstargzOptions, cutAgain: ReadonlySet<BytePath>) {
    this.cutAgain = cutAgain
    this.files = files
    this.options = options
  }

  /** @param stored the groups' bytes, all of them */
  async add(groups: readonly Group[], stored: Buffer): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    const { pool } = this.options
    const chunks = groups.flatMap((group) => group.chunks)
    const offset = groups[0]?.offset ?? 0
    const { length } = stored
    const size = length + chunks.reduce((sum, chunk) => sum + chunk.size, 0)
    await pool.room(size)
    const at = this.files.members.append(stored)
    const bytes = pool.buffer(length)
    stored.copy(new Uint8Array(bytes))
    const job = pool.inflate({
      bytes,
      length,
      chunks,
      offset,
      limit: size + MAX_TRAILING_BYTES,
    })
    job.catch(() => {}) // seen below, in its turn
    this.taken = this.taken
      .then(async () => {
        if (this.failure !== undefined) return
        this.take(await job, { chunks, offset, at })
        await Promise.all([this.files.spool.drain(), this.files.members.drain()])
        this.options.onBytes?.(this.files.spool.size)
      })
      .catch((error: unknown) => {
        this.failure ??= error
      })
      .finally(() => pool.giveBack(size))
  }

  private take({ output, members }: InflateResult, { chunks, offset, at }: SpooledGroups): void {
    const chunksAt = Map.groupBy(chunks, (chunk) => chunk.offset)
    const tar = Buffer.from(output.buffer)
    let position = this.files.spool.append(tar)
    let stored = 0
    for (const [length, content] of members) {
      const here = chunksAt.get(offset + stored) ?? []
      const digests = here.flatMap(({ digest }) => (digest === undefined ? [] : [digest]))
      if (content > 0 && digests.length === here.length)
        this.cache.set([{ start: position, end: position + content }], {
          at: at + stored,
          size: length,
          digests,
        })
      position += content
      stored += length
    }
    this.scan(tar)
  }

  private scan(output: Buffer): void {
    for (const event of this.scanner.push(output)) {
      if (event.kind === 'data') {
        this.file?.hash.update(event.bytes)
        continue
      }
      this.closeFile()
      const { entry, contentAt } = event
      if (!entry.standsAlone || isOurFolder(entry)) this.standsAlone = false
      if (isFormatFile(entry.path)) continue
      const spooled = spooledEntry(entry, contentAt - entry.header.length, entry.header.length)
      this.entries.push(spooled)
      if (spooled.type !== 'reg' || spooled.size === 0) continue
      const isOneChunk = this.cache.sizeOf(contentAt, contentAt + spooled.size) !== undefined
      if (!isOneChunk || this.cutAgain.has(entry.path))
        this.file = { entry: spooled, hash: createHash('sha256') }
    }
  }

  private closeFile(): void {
    const { file } = this
    this.file = undefined
    if (file) file.entry.digest = `sha256:${file.hash.digest('hex')}`
  }

  async finish(): Promise<SpooledLayer | undefined> {
    await this.taken
    if (this.failure !== undefined) throw this.failure
    this.closeFile()
    if (!this.standsAlone) return undefined
    const { spool, members } = this.files
    await Promise.all([spool.flush(), members.flush()])
    return {
      entries: this.entries,
      own: [],
      notes: [],
      cache: this.cache,
      spool: spool.path,
      members: members.path,
    }
  }
}

/**
 * Chunks stay as they are: their members are to be used again.
 * @param otherwise for files of which ranges stood ahead
 */
export function chunkSizesOf(
  layer: EstargzLayer,
  otherwise: ChunkSizes,
): (file: { readonly path: BytePath; readonly size: number }) => number {
  const sizes = new Map<BytePath, number>()
  for (const entry of layer.entries) {
    const { path, size, chunks, ahead } = entry
    if (ahead.length > 0) sizes.set(path, otherwise({ path, size }))
    else if (chunks[0] && chunks.length > 1) sizes.set(path, chunks[0].size)
  }
  return ({ path, size }) => sizes.get(path) ?? Math.max(size, 1)
}
