/** The start as a waterfall: a row for each file in the order of first opens, a bar from open to first read, coloured by package. */
import type { PageData } from '../shared/data.ts'
import { showPath } from '../shared/format.ts'
import { groupOf } from '../shared/groups.ts'
import { byId, make, say } from './dom.ts'
import type { Files } from './files.ts'
import { createPicture, onCanvas, type Surface } from './theme.ts'
import {
  type Access,
  COLORS,
  type Drawing,
  paintAxis,
  paintReady,
  paintRows,
  rowsArea,
  type View,
} from './waterfall-paint.ts'

function collect(files: Files): { accesses: Access[]; names: string[] } {
  const touched = Array.from({ length: files.count }, (_, index) => index).filter(
    (index) => (files.openMs[index] ?? -1) >= 0,
  )
  const groups = new Map<string, number>()
  const groupAt = (index: number) => groupOf(files.path[index] ?? '')
  for (const index of touched) groups.set(groupAt(index), (groups.get(groupAt(index)) ?? 0) + 1)
  const names = [...groups]
    .sort((a, b) => b[1] - a[1])
    .slice(0, COLORS)
    .map(([name]) => name)
  const accesses = touched.map((index): Access => {
    const openMs = files.openMs[index] ?? 0
    const color = names.indexOf(groupAt(index))
    return {
      path: files.path[index] ?? '',
      openMs,
      readMs: Math.max(openMs, files.readMs[index] ?? 0),
      bytes: Math.max(0, files.read[index] ?? 0),
      color: color === -1 ? COLORS : color,
    }
  })
  return { accesses: accesses.sort((a, b) => a.openMs - b.openMs), names }
}

function showLegend(names: readonly string[]): void {
  const items = [...names.map(showPath), 'everything else'].map((name, index) =>
    make('li', {}, make('i', { class: `key g${index === names.length ? COLORS : index}` }), name),
  )
  byId('waterfall-legend')?.replaceChildren(...items)
}

/** From the first open to the end, with a margin: a container may be long in the making before its program opens anything. */
export function spanOf(accesses: readonly Access[], readyMs: number | null): View {
  const first = accesses.reduce((earliest, { openMs }) => Math.min(earliest, openMs), readyMs ?? Infinity)
  const last = accesses.reduce((latest, { readMs }) => Math.max(latest, readMs), Math.max(1, readyMs ?? 0))
  const from = Math.min(first, last)
  const margin = Math.max(0.5, (last - from) * 0.02)
  return { from: Math.max(0, from - margin), to: last + margin }
}

class Waterfall {
  readonly #accesses: readonly Access[]
  readonly #whole: View
  readonly #readyMs: number | null
  readonly #picture = createPicture()
  #view: View
  #rows: readonly Access[] | undefined
  #drag: { from: number; to: number } | undefined
  #chosen = -1
  #width = 1
  #height = 1

  constructor(accesses: readonly Access[], readyMs: number | null) {
    this.#accesses = accesses
    this.#readyMs = readyMs
    this.#whole = spanOf(accesses, readyMs)
    this.#view = this.#whole
  }

  /** The accesses that the view shows. */
  get rows(): readonly Access[] {
    const { from, to } = this.#view
    this.#rows ??= this.#accesses.filter(({ openMs, readMs }) => readMs >= from && openMs <= to)
    return this.#rows
  }

  paint(onto: Surface): void {
    this.#width = onto.width
    this.#height = onto.height
    const drawing = { ...onto, view: this.#view }
    const key = `${this.#view.from} ${this.#view.to} ${onto.theme.color('ink')}`
    this.#picture.draw(onto.ctx, key, (ctx) => {
      const kept = { ...drawing, ctx }
      paintAxis(kept)
      paintRows(kept, this.rows)
      if (this.#readyMs !== null) paintReady(kept, this.#readyMs)
    })
    if (this.#drag) this.#paintDrag(drawing, this.#drag)
    if (this.#chosen >= 0) this.#paintChosen(drawing)
  }

  #paintDrag({ ctx, theme, height }: Drawing, { from, to }: { from: number; to: number }): void {
    const rows = rowsArea(height)
    ctx.fillStyle = theme.color('ink')
    ctx.globalAlpha = 0.12
    ctx.fillRect(from, 0, to - from, rows.top + rows.height)
    ctx.globalAlpha = 1
  }

  #paintChosen({ ctx, theme, width }: Drawing): void {
    ctx.fillStyle = theme.color('ink')
    ctx.globalAlpha = 0.1
    ctx.fillRect(
      0,
      rowsArea(this.#height).top + this.#chosen * this.#rowHeight - 1,
      width,
      Math.max(3, this.#rowHeight),
    )
    ctx.globalAlpha = 1
  }

  get #rowHeight(): number {
    return rowsArea(this.#height).height / Math.max(1, this.rows.length)
  }

  /** Chooses the file whose row is at a height of the box. */
  pointAt(y: number): Access | undefined {
    const row = Math.floor((y - rowsArea(this.#height).top) / this.#rowHeight)
    this.#chosen = Math.min(this.rows.length - 1, Math.max(0, row))
    return this.rows[this.#chosen]
  }

  step(by: number): Access | undefined {
    this.#chosen = Math.min(this.rows.length - 1, Math.max(0, this.#chosen + by))
    return this.rows[this.#chosen]
  }

  /** @param factor below 1: shows less; the middle stays in place */
  zoom(factor: number): void {
    const { from, to } = this.#view
    const middle = (from + to) / 2
    const half = ((to - from) / 2) * factor
    this.#show({ from: middle - half, to: middle + half })
  }

  /** @param share of the visible span */
  pan(share: number): void {
    const { from, to } = this.#view
    const by = Math.max(this.#whole.from - from, Math.min(this.#whole.to - to, (to - from) * share))
    this.#show({ from: from + by, to: to + by })
  }

  reset(): void {
    this.#show(this.#whole)
  }

  drag(from: number, to: number): void {
    this.#drag = { from: Math.min(from, to), to: Math.max(from, to) }
  }

  drop(): void {
    const { from: left, to: right } = this.#drag ?? { from: 0, to: 0 }
    this.#drag = undefined
    if (right - left < 5) return
    const { from, to } = this.#view
    const ms = (x: number) => from + (x / this.#width) * (to - from)
    this.#show({ from: ms(left), to: ms(right) })
  }

  #show({ from, to }: View): void {
    if (to - from < 1) return
    this.#chosen = -1
    this.#rows = undefined
    this.#view = { from: Math.max(this.#whole.from, from), to: Math.min(this.#whole.to, to) }
  }
}

function nameAccess(readout: HTMLElement, access: Access | undefined): void {
  if (!access) return
  const { path, openMs, readMs, bytes } = access
  const read = bytes > 0 ? `, ${say('bytes', bytes)} read, first at ${say('ms', readMs)}` : ', not read'
  readout.replaceChildren(make('b', { text: showPath(path) }), ` opened at ${say('ms', openMs)}${read}`)
}

function listen(box: HTMLElement, readout: HTMLElement, chart: Waterfall, repaint: () => void): void {
  let start: number | undefined
  box.addEventListener('pointerdown', (event) => {
    start = event.offsetX
    box.setPointerCapture(event.pointerId)
  })
  box.addEventListener('pointermove', ({ offsetX, offsetY }) => {
    if (start !== undefined) chart.drag(start, offsetX)
    else nameAccess(readout, chart.pointAt(offsetY))
    repaint()
  })
  box.addEventListener('pointerup', () => {
    start = undefined
    chart.drop()
    repaint()
  })
  box.addEventListener('dblclick', () => {
    chart.reset()
    repaint()
  })
  const keys: Readonly<Record<string, () => void>> = {
    '+': () => chart.zoom(0.6),
    '-': () => chart.zoom(1 / 0.6),
    '0': () => chart.reset(),
    ArrowLeft: () => chart.pan(-0.25),
    ArrowRight: () => chart.pan(0.25),
    ArrowUp: () => nameAccess(readout, chart.step(-1)),
    ArrowDown: () => nameAccess(readout, chart.step(1)),
  }
  box.addEventListener('keydown', (event) => {
    const act = keys[event.key]
    if (!act) return
    event.preventDefault()
    act()
    repaint()
  })
}

export function showWaterfall(data: PageData, files: Files): void {
  const [box, readout] = [byId('waterfall'), byId('waterfall-readout')]
  if (!box || !readout) return
  const { accesses, names } = collect(files)
  showLegend(names)
  const chart = new Waterfall(accesses, data.readyMs)
  const repaint = onCanvas(box, (onto) => chart.paint(onto))
  listen(box, readout, chart, repaint)
}
