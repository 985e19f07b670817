/** What the map shows: a cell for each file, one for many small ones, and one for the rest of a layer. */
import type { PageData } from '../shared/data.ts'
import { showPath } from '../shared/format.ts'
import type { FileState, Files } from './files.ts'

/** `ranges`: what stands ahead of files; `whole`: these files, which are in their place all the same */
export type CellState = Exclude<FileState, 'opened'> | 'whole' | 'rest'

export interface Cell {
  readonly name: string
  readonly layer: number
  readonly state: CellState
  readonly size: number
  /** bytes in the blob, above 0 */
  readonly packed: number
}

/** The most files, of all layers, that have a cell each: smaller ones would be less than a dot. */
const MOST = 12_000

interface Group {
  readonly state: CellState
  readonly indices: number[]
}

/** Indices of the files of each layer and state, largest first. */
function groupFiles(files: Files, layers: number): Group[] {
  const groups = new Map<string, Group>()
  for (let index = 0; index < files.count; index++) {
    const layer = files.layer[index] ?? -1
    if (layer < 0 || layer >= layers) continue
    for (const state of statesOf(files, index)) {
      if (packedIn(files, state, index) <= 0) continue
      const key = `${layer} ${state}`
      const group = groups.get(key)
      if (group) group.indices.push(index)
      else groups.set(key, { state, indices: [index] })
    }
  }
  for (const { state, indices } of groups.values())
    indices.sort((a, b) => packedIn(files, state, b) - packedIn(files, state, a))
  return [...groups.values()]
}

/** A file with ranges ahead is in the blob, and these once more. */
function statesOf(files: Files, index: number): readonly CellState[] {
  const state = files.state[index] ?? 'never'
  if (state === 'ranges' && (files.ahead[index] ?? 0) > 0) return ['ranges', 'whole']
  return [state === 'opened' ? 'never' : state]
}

function sizeIn(files: Files, state: CellState, index: number): number {
  const size = files.size[index] ?? 0
  return state === 'ranges' ? Math.min(size, files.ahead[index] || size) : size
}

/** Ranges are taken to be as compressible as the whole. */
function packedIn(files: Files, state: CellState, index: number): number {
  const packed = files.packed[index] ?? 0
  const share = sizeIn(files, state, index) / Math.max(1, files.size[index] ?? 0)
  return Math.round(packed * share)
}

/** @param say a count, as the reader's locale writes it */
export function collectCells(
  { layers, unlisted }: PageData,
  files: Files,
  say: (count: number) => string,
): Cell[] {
  const cells: Cell[] = []
  const each = Math.max(200, Math.floor(MOST / Math.max(1, layers.length)))
  for (const { state, indices } of groupFiles(files, layers.length)) {
    const own = indices.map((index) => cellOf(files, state, index))
    cells.push(...own.slice(0, each))
    const small = own.slice(each)
    const [first] = small
    if (first === undefined) continue
    const sum = (of: (cell: Cell) => number) => small.reduce((total, cell) => total + of(cell), 0)
    const name = `${say(small.length)} smaller files`
    cells.push({ ...first, name, size: sum(({ size }) => size), packed: sum(({ packed }) => packed) })
  }
  for (const [folder, layer, count, size, packed] of unlisted)
    if (layer >= 0 && packed > 0)
      cells.push({
        name: `${say(count)} smaller files in ${showPath(folder)}`,
        layer,
        state: 'never',
        size,
        packed,
      })
  return cells.concat(restOf(layers, cells))
}

const cellOf = (files: Files, state: CellState, index: number): Cell => ({
  name: showPath(files.path[index] ?? ''),
  layer: files.layer[index] ?? 0,
  state,
  size: sizeIn(files, state, index),
  packed: packedIn(files, state, index),
})

function restOf(layers: PageData['layers'], cells: readonly Cell[]): Cell[] {
  const known = layers.map(() => 0)
  for (const { layer, packed } of cells) known[layer] = (known[layer] ?? 0) + packed
  return layers.flatMap(({ size }, layer) => {
    const packed = size - (known[layer] ?? 0)
    const name = 'Headers, table of contents, files hidden by higher layers'
    return packed > 0 ? [{ name, layer, state: 'rest', size: packed, packed } satisfies Cell] : []
  })
}
