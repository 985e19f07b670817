/** The image to scale: a column for each layer, in it a block for each state, in that the files. Mouse and arrow keys name them. */
import type { PageData } from '../shared/data.ts'
import { type Cell, type CellState, collectCells } from './cells.ts'
import { byId, make, say } from './dom.ts'
import { type Files, stateLabel } from './files.ts'
import { createPicture, onCanvas, type Theme } from './theme.ts'
import { type Rect, squarify } from './treemap.ts'

interface Placed extends Rect {
  readonly cell: Cell
}

/** In a column, from top to bottom. */
const STATES = ['zone', 'ranges', 'demand', 'whole', 'never', 'rest'] as const
const GAP = 3
const HEAD = 20

function place(cells: readonly Cell[], layers: number, width: number, height: number): Placed[] {
  const byLayer = Array.from({ length: layers }, (_, layer) => cells.filter((cell) => cell.layer === layer))
  const sums = byLayer.map((own) => own.reduce((sum, cell) => sum + cell.packed, 0))
  const all = sums.reduce((sum, one) => sum + one, 0)
  const room = Math.max(1, width - GAP * (layers - 1))
  let x = 0
  return byLayer.flatMap((own, layer) => {
    const wide = ((sums[layer] ?? 0) / Math.max(1, all)) * room
    const column = { x, y: HEAD, width: wide, height: height - HEAD }
    x += wide + GAP
    return placeColumn(own, column)
  })
}

function placeColumn(cells: readonly Cell[], column: Rect): Placed[] {
  const sum = cells.reduce((total, cell) => total + cell.packed, 0)
  let y = column.y
  return STATES.flatMap((state) => {
    const own = cells.filter((cell) => cell.state === state).sort((a, b) => b.packed - a.packed)
    const high = (own.reduce((total, cell) => total + cell.packed, 0) / Math.max(1, sum)) * column.height
    const rects = squarify(
      own.map((cell) => cell.packed),
      { ...column, y, height: high },
    )
    y += high
    return rects.flatMap((rect, index) => {
      const cell = own[index]
      return cell ? [{ ...rect, cell }] : []
    })
  })
}

function paint(ctx: CanvasRenderingContext2D, placed: readonly Placed[], data: PageData, theme: Theme): void {
  const colors = Object.fromEntries(STATES.map((state) => [state, theme.color(state)]))
  for (const { x, y, width, height, cell } of placed) {
    ctx.fillStyle = colors[cell.state] ?? ''
    // A hairline separates files, if there is enough room.
    const hair = width > 4 && height > 4 ? 0.75 : 0
    ctx.fillRect(x, y, Math.max(0.3, width - hair), Math.max(0.3, height - hair))
  }
  ctx.font = `12px ${theme.sans}`
  ctx.textBaseline = 'top'
  ctx.fillStyle = theme.color('soft')
  const extents = extentsOf(placed, data.layers.length)
  data.layers.forEach((layer, index) => {
    const { left, right } = extents[index] ?? { left: 0, right: 0 }
    const text = [
      `Layer ${index + 1}, ${say('bytes', layer.size)}`,
      `Layer ${index + 1}`,
      String(index + 1),
    ].find((one) => ctx.measureText(one).width < right - left)
    if (text) ctx.fillText(text, left, 2)
  })
}

function extentsOf(placed: readonly Placed[], layers: number): { left: number; right: number }[] {
  const extents = Array.from({ length: layers }, () => ({ left: Number.POSITIVE_INFINITY, right: 0 }))
  for (const { x, width, cell } of placed) {
    const extent = extents[cell.layer]
    if (!extent) continue
    extent.left = Math.min(extent.left, x)
    extent.right = Math.max(extent.right, x + width)
  }
  return extents
}

function outline(ctx: CanvasRenderingContext2D, { x, y, width, height }: Rect, theme: Theme): void {
  ctx.strokeStyle = theme.color('ink')
  ctx.lineWidth = 2
  ctx.strokeRect(x - 1, y - 1, Math.max(4, width + 1), Math.max(4, height + 1))
}

function nameCell(readout: HTMLElement, { cell }: Placed, data: PageData): void {
  const state = cell.state === 'rest' ? '' : `, ${labelOf(cell.state, data).toLowerCase()}`
  readout.replaceChildren(
    make('b', { text: cell.name }),
    ` ${say('bytes', cell.packed)} compressed, ${say('bytes', cell.size)} unpacked, layer ${cell.layer + 1}${state}`,
  )
}

/** Of what the list of files has no word for. */
const LABELS: Partial<Record<CellState, string>> = {
  ranges: 'Ranges in the zone',
  whole: 'Prefetched only in ranges',
  rest: 'Headers and other',
}

const labelOf = (state: CellState, data: PageData): string =>
  LABELS[state] ?? (state === 'whole' || state === 'rest' ? '' : stateLabel(state, data))

function showLegend(cells: readonly Cell[], data: PageData): void {
  const sum = (state: CellState) =>
    cells.filter((cell) => cell.state === state).reduce((total, cell) => total + cell.packed, 0)
  const items = STATES.filter((state) => sum(state) > 0).map((state) =>
    make(
      'li',
      {},
      make('i', { class: `key ${state}` }),
      `${labelOf(state, data)} `,
      make('b', { text: say('bytes', sum(state)) }),
    ),
  )
  byId('map-legend')?.replaceChildren(...items)
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }

export function showMap(data: PageData, files: Files): void {
  const [box, readout] = [byId('image-map'), byId('map-readout')]
  if (!box || !readout) return
  const cells = collectCells(data, files, (count) => say('count', count))
  showLegend(cells, data)
  let placed: Placed[] = []
  let largest: Cell[] | undefined
  let chosen: Placed | undefined
  const picture = createPicture()
  let size = ''
  const repaint = onCanvas(box, ({ ctx, width, height, theme }) => {
    if (size !== `${width} ${height}`) {
      size = `${width} ${height}`
      placed = place(cells, data.layers.length, width, height)
      chosen = placed.find(({ cell }) => cell === chosen?.cell)
    }
    picture.draw(ctx, theme.color('zone'), (onto) => paint(onto, placed, data, theme))
    if (chosen) outline(ctx, chosen, theme)
  })
  const choose = (next: Placed | undefined) => {
    if (!next || next.cell === chosen?.cell) return
    chosen = next
    nameCell(readout, next, data)
    repaint()
  }
  box.addEventListener('pointermove', ({ offsetX: x, offsetY: y }) =>
    choose(placed.find((one) => x >= one.x && x < one.x + one.width && y >= one.y && y < one.y + one.height)),
  )
  box.addEventListener('keydown', (event) => {
    const step = STEPS[event.key]
    if (step === undefined) return
    event.preventDefault()
    largest ??= cells.toSorted((a, b) => b.packed - a.packed)
    const at = chosen ? largest.indexOf(chosen.cell) : -1
    const next = largest[Math.min(largest.length - 1, Math.max(0, at + step))]
    choose(placed.find(({ cell }) => cell === next))
  })
}
