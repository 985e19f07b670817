/**
 * What of a layer that is eStargz already can stay: the whole of it where its zone is right and it is sound, its members where only their
 * order changes; nothing where a person asked for a format that it doesn't have.
 */
import type { Chunk, EstargzEntry } from '../../image/estargz/format/entries.ts'
import { limitOf } from '../../image/estargz/read/decode.ts'
import { inflateMember } from '../../image/estargz/read/gzip-member.ts'
import type { EstargzLayer } from '../../image/estargz/read/reader.ts'
import type { Report } from '../../image/estargz/verify/layer.ts'
import { fetchFrom, verifyLayer } from '../../image/estargz-layer.ts'
import type { Layer } from '../../image/types.ts'
import type { Pool } from '../compress/pool.ts'
import type { OptimizeOptions } from '../options.ts'
import type { ChunkSizes } from '../plan/chunking.ts'

/** Of these only what was asked for by name: a default asks for nothing. */
export type GivenFormat = Partial<Pick<OptimizeOptions, 'chunkSize' | 'minChunkSize' | 'level'>>

export interface FormatOptions {
  readonly given: GivenFormat
  readonly chunkSizeOf: ChunkSizes
  readonly pool: Pool
  readonly signal: AbortSignal
}

/** @returns what was asked for and the layer doesn't have, a sentence for people; undefined: it may stay */
export async function otherFormat(
  source: Layer,
  layer: EstargzLayer,
  { given, chunkSizeOf, pool, signal }: FormatOptions,
): Promise<string | undefined> {
  const { chunkSize, minChunkSize, level } = given
  if (chunkSize !== undefined && layer.entries.some((entry) => hasOtherChunks(entry, chunkSizeOf(entry))))
    return `its files are in other chunks than of ${chunkSize} bytes`
  if (minChunkSize !== undefined && !isPackedTo(layer, minChunkSize))
    return `its small files are packed together otherwise than up to ${minChunkSize} bytes`
  if (level !== undefined && !(await isOfLevel(source, layer, level, pool, signal)))
    return `its members are compressed otherwise than at level ${level}`
  return undefined
}

const hasOtherChunks = ({ size, chunks }: EstargzEntry, wanted: number): boolean =>
  chunks.length > 1 ? chunks[0]?.size !== wanted : size > wanted

interface Packing {
  /** a member of so many bytes was joined by a next file; one of `closed` bytes was not */
  readonly joined: number
  readonly closed: number
}

function packingOf({ entries, zoneEntries, landmark }: EstargzLayer): Packing {
  let [joined, closed] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  let last: Chunk | undefined
  for (const [index, { chunks }] of entries.entries()) {
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

function isPackedTo(layer: EstargzLayer, minChunkSize: number): boolean {
  const { joined, closed } = packingOf(layer)
  return joined < minChunkSize ? minChunkSize <= closed : joined === Number.NEGATIVE_INFINITY
}

/** How the layer's small files were packed, so that they stay so in another order. */
export function minChunkSizeOf(layer: EstargzLayer): number {
  const { joined, closed } = packingOf(layer)
  if (joined === Number.NEGATIVE_INFINITY) return 0
  return Number.isFinite(closed) && closed > joined ? closed : joined + 1
}

/** More than this says nothing more of the level. */
const PROBE_BYTES = 4 << 20

/** No layer says its level: the largest chunk is compressed at the one that was asked for. Equal input gives equal members. */
async function isOfLevel(
  source: Layer,
  { entries }: EstargzLayer,
  level: number,
  pool: Pool,
  signal: AbortSignal,
): Promise<boolean> {
  const chunks = entries.flatMap((entry) => entry.chunks)
  const probe = chunks
    .filter(({ innerOffset, size }) => innerOffset === 0 && size <= PROBE_BYTES)
    .reduce<Chunk | undefined>((best, chunk) => (chunk.size > (best?.size ?? 0) ? chunk : best), undefined)
  if (probe === undefined) return chunks.length === 0
  const bytes = await fetchFrom(source)({ start: probe.offset, end: probe.end }, signal)
  const { content, length } = inflateMember(bytes, { expected: probe.size, limit: limitOf([probe]) })
  const result = await pool.compress({
    bytes: new Uint8Array(content).buffer,
    level,
    members: [[0, content.length]],
    hashes: [],
  })
  return bytes.subarray(0, length).equals(result.output)
}

/** What is in the zone decides, not in which order: the runtime fetches it whole. */
export function hasZone(
  { entries, zoneEntries, landmark }: EstargzLayer,
  zone: readonly EstargzEntry[],
): boolean {
  if (landmark !== (zone.length > 0 ? 'prefetch' : 'no-prefetch') || zone.length !== zoneEntries) return false
  const there = new Set(entries.slice(0, zoneEntries))
  return zone.every((entry) => there.has(entry))
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
