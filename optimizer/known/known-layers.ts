/**
 * What earlier rebuilds learned of layers, so that one that has not changed is neither read nor compressed again: its entries, from which the
 * plan is made, and, for each plan, what was made of it. An image is the same with or without: all that a layer's bytes depend on is in
 * the keys.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Layer } from '../../image/types.ts'
import type { DiskCache } from '../../system/cache/disk-cache.ts'
import type { OptimizeOptions } from '../options.ts'
import type { LayerMoves } from '../plan/plan.ts'
import type { StartupFile } from '../plan/startup.ts'
import {
  type KnownEntry,
  MAX_RECORD_BYTES,
  type MadeLayer,
  packEntries,
  packMade,
  unpackEntries,
  unpackMade,
} from './record.ts'

/** Where it is kept. */
export interface LayerMemory {
  readonly cache: Pick<DiskCache, 'read' | 'write' | 'remove'>
  /** of headstart: another one may write other bytes */
  readonly version: string
}

/** Of one image, rebuilt in one way. */
export interface KnownLayers {
  /** @returns what reading the layer would give; undefined: it has to be read */
  entriesOf(source: Layer): Promise<readonly KnownEntry[] | undefined>
  rememberEntries(source: Layer, entries: readonly KnownEntry[]): Promise<void>
  /** @returns what writing it so would make; undefined: it has to be written */
  madeOf(source: Layer, moves: LayerMoves): Promise<MadeLayer | undefined>
  rememberMade(source: Layer, moves: LayerMoves, made: MadeLayer): Promise<void>
}

/** Raise it when the same version of headstart comes to plan, write or record differently: a test knows which bytes belong to it. */
export const REVISION = 1

export interface Rebuilt {
  readonly options: OptimizeOptions
  readonly startup: readonly StartupFile[]
}

export function knownLayers({ cache, version }: LayerMemory, { options, startup }: Rebuilt): KnownLayers {
  const { format, level, chunkSize, minChunkSize, prioritize } = options
  const { zstd } = process.versions
  const start = hashOf(startup)
  const how = [REVISION, version, zstd, format, level, chunkSize, minChunkSize, prioritize, start]
  const layerKey = ({ descriptor: { digest, size, mediaType, annotations }, diffId }: Layer) =>
    hashOf([...how, digest, size, mediaType, annotations, diffId]) // its size, too: a wrong one is refused when the layer is read
  const entriesKey = (source: Layer) => `${layerKey(source)}.entries`
  const madeKey = (source: Layer, { zone, afterZone, hot }: LayerMoves) =>
    `${hashOf([layerKey(source), zone, afterZone, [...hot]])}.made`
  const read = async <T>(key: string, parse: (bytes: Buffer) => Promise<T | undefined>) => {
    const bytes = await cache.read(key, MAX_RECORD_BYTES)
    const record = bytes && (await parse(bytes))
    if (bytes && !record) await cache.remove(key)
    return record
  }
  return {
    entriesOf: (source) => read(entriesKey(source), unpackEntries),
    async rememberEntries(source, entries) {
      const record = await packEntries(entries)
      if (record) cache.write(entriesKey(source), record)
    },
    madeOf: (source, moves) => read(madeKey(source, moves), unpackMade),
    async rememberMade(source, moves, made) {
      cache.write(madeKey(source, moves), await packMade(made))
    },
  }
}

const hashOf = (value: unknown): string => fed(createHash('sha256'), value).digest('hex')

/** Item by item: all paths of a layer may be more than a string can hold. */
function fed(hash: Hash, value: unknown): Hash {
  if (!Array.isArray(value)) return hash.update(JSON.stringify(value) ?? 'null')
  hash.update('[')
  for (const each of value) fed(hash, each).update(',')
  return hash.update(']')
}
