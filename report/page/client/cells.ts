/** What the map shows: a cell for each file, one for many small ones, and one for the rest of a layer. */
import type { PageData } from '../shared/data.ts'
import { showPath } from '../shared/format.ts'
import { say } from './dom.ts'
import type { FileState, Files } from './files.ts'

export type CellState = Exclude<FileState, 'opened'> | 'rest'

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

/** Indices of the files of each layer and state, largest first. */
function groupFiles(files: Files, layers: number): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (let index = 0; index < files.count; index++) {
    const layer = files.layer[index] ?? -1
    if (layer < 0 || layer >= layers || (files.packed[index] ?? 0) <= 0) continue
    const key = `${layer} ${stateOf(files, index)}`
    const group = groups.get(key)
    if (group) group.push(index)
    else groups.set(key, [index])
  }
  for (const group of groups.values()) group.sort((a, b) => (files.packed[b] ?? 0) - (files.packed[a] ?? 0))
  return groups
}

function stateOf(files: Files, index: number): CellState {
  const state = files.state[index] ?? 'never'
  return state === 'opened' ? 'never' : state
}

const sumOf = (list: readonly number[], indices: readonly number[]): number =>
  indices.reduce((sum, index) => sum + (list[index] ?? 0), 0)

export function collectCells({ layers, unlisted }: PageData, files: Files): Cell[] {
  const cells: Cell[] = []
  const each = Math.max(200, Math.floor(MOST / Math.max(1, layers.length)))
  for (const group of groupFiles(files, layers.length).values()) {
    for (const index of group.slice(0, each)) cells.push(cellOf(files, index))
    const small = group.slice(each)
    const [first] = small
    if (first === undefined) continue
    cells.push({
      ...cellOf(files, first),
      name: `${say('count', small.length)} smaller files`,
      size: sumOf(files.size, small),
      packed: sumOf(files.packed, small),
    })
  }
  for (const [folder, layer, count, size, packed] of unlisted)
    if (layer >= 0 && packed > 0)
      cells.push({
        name: `${say('count', count)} smaller files in ${showPath(folder)}`,
        layer,
        state: 'never',
        size,
        packed,
      })
  return cells.concat(restOf(layers, cells))
}

const cellOf = (files: Files, index: number): Cell => ({
  name: showPath(files.path[index] ?? ''),
  layer: files.layer[index] ?? 0,
  state: stateOf(files, index),
  size: files.size[index] ?? 0,
  packed: files.packed[index] ?? 0,
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
