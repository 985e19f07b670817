/**
 * How large a file's chunks are. A large file of which the start reads a few places gets small ones: a read on demand then fetches little.
 * It depends on the options and the recorded reads alone, so it is known before the layer is read.
 */
import type { BytePath } from '../../system/text/byte-path.ts'
import { bytesOf } from '../../system/text/byte-path.ts'
import type { OptimizeOptions } from '../options.ts'
import { rangesOf, type StartupFile, touchedChunks } from './startup.ts'

/** About 100 kB compressed: what a link of 100 Mbit/s carries in the 10 ms that asking for it takes. */
export const SMALL_CHUNK_BYTES = 256 << 10
/** Fewer of its small chunks than this share are touched: the file is read in a few places. */
const FEW = 0.5

export type ChunkSizes = (file: { readonly path: BytePath; readonly size: number }) => number

export function chunkSizes(startup: readonly StartupFile[], options: OptimizeOptions): ChunkSizes {
  const { chunkSize, prioritize } = options
  if (prioritize === 'all' || chunkSize <= SMALL_CHUNK_BYTES) return () => chunkSize
  const files = new Map(startup.filter(({ read }) => read).map((file) => [bytesOf(file.path), file]))
  return ({ path, size }) => {
    const file = size > 2 * SMALL_CHUNK_BYTES ? files.get(path) : undefined
    if (file === undefined) return chunkSize
    const touched = touchedChunks(rangesOf(file, size), size, SMALL_CHUNK_BYTES).length
    return touched < FEW * Math.ceil(size / SMALL_CHUNK_BYTES) ? SMALL_CHUNK_BYTES : chunkSize
  }
}
