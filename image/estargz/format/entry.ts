/** An entry of a layer, as its table of contents says it is, and where its content lies. */
import type { Digest } from '../../digest.ts'
import type { EntryFacts } from '../../tar/entry.ts'

/** A piece of a file that is fetched, checked and decoded at once. */
export interface Chunk {
  /** its gzip member in the blob begins at `offset` and ends at `end` at the latest */
  readonly offset: number
  readonly end: number
  /** bytes of the member's content before the chunk's */
  readonly innerOffset: number
  /** where it belongs in the file */
  readonly fileOffset: number
  readonly size: number
  /** sha256 of its content; undefined in layers older than eStargz, which can't be read */
  readonly digest: Digest | undefined
}

/** Times are in whole seconds. */
export interface EstargzEntry extends EntryFacts {
  /** sha256 of the whole content */
  readonly digest: Digest | undefined
  /** of a regular file, in order, without gaps; of others and of empty files: none */
  readonly chunks: readonly Chunk[]
  /** copies of chunks that stand ahead of the landmark, in the order of the file: see ahead.ts */
  readonly ahead: readonly Chunk[]
}

/** The bytes of a file that stand ahead: half-open, ascending, apart. */
export function rangesAhead({ ahead }: Pick<EstargzEntry, 'ahead'>): [start: number, end: number][] {
  const ranges: [number, number][] = []
  for (const { fileOffset, size } of ahead) {
    const last = ranges.at(-1)
    if (last?.[1] === fileOffset) last[1] += size
    else ranges.push([fileOffset, fileOffset + size])
  }
  return ranges
}
