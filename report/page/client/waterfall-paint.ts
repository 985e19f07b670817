/** How the waterfall is drawn: its axis, a bar for each file, and the moment of ready. */
import { showPath } from '../shared/format.ts'
import { say, sayTick } from './dom.ts'
import type { Surface } from './theme.ts'

export interface Access {
  readonly path: string
  readonly openMs: number
  /** of the first read; of the open if nothing was read */
  readonly readMs: number
  readonly bytes: number
  readonly color: number
}

export interface View {
  readonly from: number
  readonly to: number
}

/** What is painted on, and the part of the start that it shows. */
export interface Drawing extends Surface {
  readonly view: View
}

export const COLORS = 6
const FOOT = 24
const HEAD = 16

const scaleX =
  ({ view: { from, to }, width }: Drawing) =>
  (ms: number) =>
    ((ms - from) / (to - from)) * width

/** Where the rows are: between the moment of ready above and the axis below. */
export const rowsArea = (height: number): { readonly top: number; readonly height: number } => ({
  top: HEAD,
  height: height - FOOT - HEAD,
})

function tickStep(span: number): number {
  const rough = span / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  return ([1, 2, 5, 10].find((step) => step * power >= rough) ?? 10) * power
}

export function paintAxis(drawing: Drawing): void {
  const { ctx, width, height, theme, view } = drawing
  const x = scaleX(drawing)
  const rows = rowsArea(height)
  const step = tickStep(view.to - view.from)
  ctx.font = `12px ${theme.sans}`
  ctx.textBaseline = 'bottom'
  for (let ms = Math.ceil(view.from / step) * step; ms <= view.to; ms += step) {
    ctx.fillStyle = theme.color('line')
    ctx.fillRect(x(ms), rows.top, 1, rows.height)
    ctx.fillStyle = theme.color('soft')
    const text = sayTick('ms', ms)
    ctx.fillText(text, Math.min(width - ctx.measureText(text).width, Math.max(0, x(ms))), height)
  }
}

export function paintReady(drawing: Drawing, readyMs: number): void {
  const { ctx, width, height, theme, view } = drawing
  if (readyMs < view.from || readyMs > view.to) return
  const x = scaleX(drawing)(readyMs)
  const rows = rowsArea(height)
  ctx.fillStyle = theme.color('ink')
  ctx.fillRect(x, rows.top, 1.5, rows.height)
  ctx.textBaseline = 'top'
  const text = `ready, ${say('ms', readyMs)}`
  const wide = ctx.measureText(text).width
  ctx.fillText(text, Math.max(0, Math.min(width - wide, x - wide / 2)), 0)
}

export function paintRows(drawing: Drawing, accesses: readonly Access[]): void {
  const { ctx, width, height, theme } = drawing
  const x = scaleX(drawing)
  const rows = rowsArea(height)
  const high = rows.height / Math.max(1, accesses.length)
  const colors = Array.from({ length: COLORS + 1 }, (_, index) => theme.color(`g${index}`))
  accesses.forEach(({ openMs, readMs, color, path }, index) => {
    const y = rows.top + index * high
    const left = x(openMs)
    const bar = Math.max(5, x(readMs) - left)
    ctx.fillStyle = colors[color] ?? ''
    ctx.fillRect(left, y, bar, Math.max(2, Math.min(high * 0.75, 14)))
    if (high < 13) return
    ctx.font = `11px ${theme.sans}`
    ctx.textBaseline = 'top'
    ctx.fillStyle = theme.color('soft')
    const text = showPath(path)
    const wide = ctx.measureText(text).width
    ctx.fillText(text, left + bar + 6 + wide < width ? left + bar + 6 : Math.max(0, left - wide - 6), y)
  })
}
