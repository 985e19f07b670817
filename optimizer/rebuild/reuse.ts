/** What is known of a layer that is eStargz already: whether it has the format that was asked for, how it is packed, whether it is sound. */
import type { Chunk, EstargzEntry } from '../../image/estargz/format/entry.ts'
import { limitOf } from '../../image/estargz/read/decode.ts'
import { decodeMember } from '../../image/estargz/read/member.ts'
import type { EstargzLayer } from '../../image/estargz/read/reader.ts'
import type { Report } from '../../image/estargz/verify/report.ts'
import { fetchFrom, verifyLayer } from '../../image/layers/estargz.ts'
import type { Blob, Layer } from '../../image/types.ts'
import type { Pool } from '../compress/pool.ts'
import type { OptimizeOptions } from '../options.ts'
import type { ChunkSizes } from '../plan/chunking.ts'

/** What was asked for by name; a default asks for nothing. */
export type GivenFormat = Partial<Pick<OptimizeOptions, 'chunkSize' | 'minChunkSize' | 'level'>>

export interface FormatOptions {
  readonly given: GivenFormat
  readonly chunkSizeOf: ChunkSizes
  readonly pool: Pick<Pool, 'compress'>
  readonly signal: AbortSignal
}

/** @returns what was asked for and the layer doesn't have, a clause for people; undefined: it may stay */
export async function otherFormat(
  source: Blob,
  layer: Packed & Pick<EstargzLayer, 'codec'>,
  options: FormatOptions,
): Promise<string | undefined> {
  const { given, chunkSizeOf } = options
  const { chunkSize, minChunkSize, level } = given
  if (chunkSize !== undefined && layer.entries.some((entry) => hasOtherChunks(entry, chunkSizeOf(entry))))
    return `its files are not in chunks of ${chunkSize} bytes`
  if (minChunkSize !== undefined && !isPackedTo(layer, minChunkSize))
    return minChunkSize === 0
      ? 'its small files are packed together'
      : `its small files are not packed together up to ${minChunkSize} bytes`
  if (level !== undefined && !(await isOfLevel(source, layer, level, options)))
    return `its members are not compressed at level ${level}`
  return undefined
}

const hasOtherChunks = (entry: EstargzEntry, wanted: number): boolean =>
  entry.ahead.length > 0
    ? entry.chunks.some((chunk) => chunk.size > wanted)
    : hasOtherEqualChunks(entry, wanted)

const hasOtherEqualChunks = ({ size, chunks }: EstargzEntry, wanted: number): boolean =>
  chunks.length > 1 ? chunks[0]?.size !== wanted : size > wanted

/** What its table of contents says of how a layer is packed. */
type Packed = Pick<EstargzLayer, 'entries' | 'zoneEntries' | 'landmark'>

interface Packing {
  /** bytes in the largest member that another file was added to, and in the smallest that none was added to */
  readonly joined: number
  readonly closed: number
}

function packingOf({ entries, zoneEntries, landmark }: Packed): Packing {
  let [joined, closed] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  let last: Chunk | undefined
  for (const [index, entry] of entries.entries()) {
    const { chunks } = entry
    if (landmark === 'prefetch' && index === zoneEntries) last = undefined // the landmark between has its own member
    const [first] = chunks
    if (first === undefined) continue
    const filled = last && last.innerOffset + last.size
    if (filled !== undefined && first.offset === last?.offset) joined = Math.max(joined, filled)
    else if (filled !== undefined && chunks.length === 1) closed = Math.min(closed, filled)
    last = chunks.at(-1)
  }
  return { joined, closed }
}

function isPackedTo(layer: Packed, minChunkSize: number): boolean {
  const { joined, closed } = packingOf(layer)
  return joined < minChunkSize ? minChunkSize <= closed : joined === Number.NEGATIVE_INFINITY
}

/** How the layer's small files were packed, so that they stay so in another order. */
export function minChunkSizeOf(layer: Packed): number {
  const { joined, closed } = packingOf(layer)
  if (joined === Number.NEGATIVE_INFINITY) return 0
  return Number.isFinite(closed) && closed > joined ? closed : joined + 1
}

/** A larger chunk would tell no more about the level. */
const PROBE_BYTES = 4 << 20

/** A layer doesn't record its level: the largest chunk is compressed at the one that was asked for, since equal input gives equal members. */
async function isOfLevel(
  source: Blob,
  { entries, codec }: Pick<EstargzLayer, 'entries' | 'codec'>,
  level: number,
  { pool, signal }: Pick<FormatOptions, 'pool' | 'signal'>,
): Promise<boolean> {
  const chunks = entries.flatMap((entry) => entry.chunks)
  const probe = chunks
    .filter(({ innerOffset, size }) => innerOffset === 0 && size <= PROBE_BYTES)
    .reduce<Chunk | undefined>((best, chunk) => (chunk.size > (best?.size ?? 0) ? chunk : best), undefined)
  if (probe === undefined) return chunks.length === 0
  const bytes = await fetchFrom(source)({ start: probe.offset, end: probe.end }, signal)
  const { content, length } = decodeMember(bytes, { expected: probe.size, limit: limitOf([probe]) })
  const result = await pool.compress({
    bytes: new Uint8Array(content).buffer,
    codec,
    level,
    members: [[0, content.length]],
    hashes: [],
  })
  return bytes.subarray(0, length).equals(result.output)
}

/** Reads the layer whole. @returns the first thing that is wrong with it, for people; undefined: it is sound */
export async function faultOf(source: Layer, signal: AbortSignal): Promise<string | undefined> {
  const faults: string[] = []
  const report: Report = (message, path) => faults.push(path === undefined ? message : `${path}: ${message}`)
  try {
    await verifyLayer(source, report, signal)
  } catch (error) {
    if (faults.length === 0 || signal.aborted) throw error
  }
  return faults[0]
}
