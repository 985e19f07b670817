/**
 * The prioritized zone alone, from the beginning of a table of contents: it names what stands before the landmark first, so that the zone can be
 * fetched while the rest, which may be a hundred times as much, is still being read. Pure.
 */

import { HeadstartError } from '../../../system/errors.ts'
import type { BytePath } from '../../../system/text/byte-path.ts'
import { chainsIn } from '../format/ahead.ts'
import { chunkEnds } from '../format/chunk-ends.ts'
import { copiesOf } from '../format/copies.ts'
import { contentsOf } from '../format/entries.ts'
import type { Chunk } from '../format/entry.ts'
import { PREFETCH_LANDMARK, parseToc, type TocEntry } from '../format/toc.ts'
import { type Group, groupsOf } from './groups.ts'
import type { EstargzLayer, FetchedToc } from './reader.ts'

/** A beginning that is longer is no quicker to read. */
const MAX_BEGINNING_BYTES = 1 << 20
const LANDMARK = Buffer.from(`"${PREFETCH_LANDMARK}"`)
const END = Buffer.from(']}')

/** What of which file. */
export interface Piece {
  readonly path: BytePath
  readonly start: number
  readonly end: number
}

export interface ZoneGroup extends Group {
  readonly pieces: readonly Piece[]
}

/** In the order of the blob. None: there is no zone, or its beginning makes no sense, which reading the whole will tell. */
export function zoneFirst({ json, place }: Pick<FetchedToc, 'json' | 'place'>): ZoneGroup[] {
  const beginning = json.subarray(0, MAX_BEGINNING_BYTES)
  const landmark = beginning.indexOf(LANDMARK)
  const end = landmark === -1 ? -1 : beginning.indexOf('}', landmark)
  if (end === -1) return []
  try {
    const toc = parseToc(Buffer.concat([beginning.subarray(0, end + 1), END]))
    const { name, offset = 0 } = toc.at(-1) ?? {}
    return name === PREFETCH_LANDMARK ? groupsBefore(offset, pathsOfChunks(toc, place.dataEnd)) : []
  } catch {
    return []
  }
}

/**
 * What was fetched by the beginning is kept as what the whole says is there.
 * @throws HeadstartError E_ESTARGZ: they differ, as where the JSON has two lists of entries
 */
export function checkZone(zone: readonly ZoneGroup[], { entries }: Pick<EstargzLayer, 'entries'>): void {
  if (zone.length === 0) return
  const whole = new Map(zone.map(({ offset }) => [offset, new Set<string>()]))
  const note = (chunk: Chunk) => whole.get(chunk.offset)?.add(textOf(chunk))
  for (const { chunks, ahead } of entries) {
    for (const chunk of ahead) note(chunk)
    for (const chunk of chunks) note(chunk)
  }
  for (const { offset, chunks } of zone) {
    const known = whole.get(offset)
    const first = new Set(chunks.map(textOf)) // files may share a chunk
    if (known?.size !== first.size || ![...first].every((text) => known.has(text)))
      throw new HeadstartError(
        'E_ESTARGZ',
        `the table of contents contradicts itself about what begins at ${offset}`,
      )
  }
}

const textOf = ({ innerOffset, fileOffset, size, digest }: Chunk): string =>
  [innerOffset, fileOffset, size, digest].join(' ')

function groupsBefore(landmark: number, paths: ReadonlyMap<Chunk, BytePath>): ZoneGroup[] {
  const pieceOf = (chunk: Chunk): Piece => ({
    path: paths.get(chunk) ?? '',
    start: chunk.fileOffset,
    end: chunk.fileOffset + chunk.size,
  })
  return groupsOf(paths.keys())
    .filter(({ end }) => end <= landmark)
    .map((group) => ({ ...group, pieces: group.chunks.map(pieceOf) }))
}

/** In the order of the blob. */
function pathsOfChunks(toc: readonly TocEntry[], dataEnd: number): ReadonlyMap<Chunk, BytePath> {
  const { chains, entries: first } = chainsIn(toc)
  const { start } = chunkEnds(toc, { from: first, tocOffset: dataEnd })
  const copies = [...copiesOf(chains, start)].flatMap(([path, chunks]) =>
    chunks.map((chunk) => ({ path, chunk })),
  )
  const { entries } = contentsOf(toc.slice(first), dataEnd) // which knows no copies without their files
  const files = entries.flatMap(({ path, chunks }) => chunks.map((chunk) => ({ path, chunk })))
  const inOrder = [...copies.sort((a, b) => a.chunk.offset - b.chunk.offset), ...files]
  return new Map(inOrder.map(({ path, chunk }) => [chunk, path]))
}
