/** How the waterfall is drawn: its axis, a bar a file, and the moment of ready. */
import { showPath } from '../shared/format.ts'
import { say, sayTick } from './dom.ts'
import type { Theme } from './theme.ts'

export interface Access {
  readonly path: string
  readonly openMs: number
  /** of the first read; the open's own where nothing was read */
  readonly readMs: number
  readonly bytes: number
  readonly color: number
}

export interface View {
  readonly from: number
  readonly to: number
}

export const COLORS = 6
export const FOOT = 24
export const HEAD = 16

const scaleX =
  ({ from, to }: View, width: number) =>
  (ms: number) =>
    ((ms - from) / (to - from)) * width

function tickStep(span: number): number {
  const rough = span / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  return ([1, 2, 5, 10].find((step) => step * power >= rough) ?? 10) * power
}

export function paintAxis(
  ctx: CanvasRenderingContext2D,
  view: View,
  width: number,
  height: number,
  theme: Theme,
): void {
  const x = scaleX(view, width)
  const step = tickStep(view.to - view.from)
  ctx.font = `12px ${theme.sans}`
  ctx.textBaseline = 'bottom'
  for (let ms = Math.ceil(view.from / step) * step; ms <= view.to; ms += step) {
    ctx.fillStyle = theme.color('line')
    ctx.fillRect(x(ms), HEAD, 1, height - FOOT - HEAD)
    ctx.fillStyle = theme.color('soft')
    const text = sayTick('ms', ms)
    ctx.fillText(text, Math.min(width - ctx.measureText(text).width, Math.max(0, x(ms))), height)
  }
}

export function paintReady(
  ctx: CanvasRenderingContext2D,
  readyMs: number,
  view: View,
  width: number,
  height: number,
  theme: Theme,
): void {
  if (readyMs < view.from || readyMs > view.to) return
  const x = scaleX(view, width)(readyMs)
  ctx.fillStyle = theme.color('ink')
  ctx.fillRect(x, HEAD, 1.5, height - FOOT - HEAD)
  ctx.textBaseline = 'top'
  const text = `ready, ${say('ms', readyMs)}`
  ctx.fillText(
    text,
    Math.max(0, Math.min(width - ctx.measureText(text).width, x - ctx.measureText(text).width / 2)),
    0,
  )
}

export function paintRows(
  ctx: CanvasRenderingContext2D,
  rows: readonly Access[],
  view: View,
  width: number,
  height: number,
  theme: Theme,
): void {
  const x = scaleX(view, width)
  const high = (height - FOOT - HEAD) / Math.max(1, rows.length)
  const colors = Array.from({ length: COLORS + 1 }, (_, index) => theme.color(`g${index}`))
  rows.forEach(({ openMs, readMs, color, path }, index) => {
    const y = HEAD + index * high
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
