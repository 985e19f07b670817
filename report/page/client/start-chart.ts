/** Pull and start: a bar for each arm, stacked by phase, with its total, its samples and the interval of the median. */
import type { ChartOptions, Plugin } from 'chart.js'
import { type PageArm, type PageData, PHASE_LABELS, PHASE_NAMES } from '../shared/data.ts'
import { applyTheme, Chart, canvasOf, zeroAxis } from './charts.ts'
import { say } from './dom.ts'
import type { Theme } from './theme.ts'

/** Pixels from the middle of a bar down to its samples. */
const BELOW = 27

/** Draws what chart.js has no element for, on the scale of the bars. */
const samplesPlugin = (arms: readonly PageArm[], theme: Theme): Plugin<'bar'> => ({
  id: 'samples',
  afterDatasetsDraw({ ctx, scales, width }) {
    const { x, y } = scales
    if (!x || !y) return
    ctx.save()
    arms.forEach((arm, index) => {
      const row: ArmRow = {
        arm,
        middle: y.getPixelForValue(index),
        at: (ms) => x.getPixelForValue(ms),
        right: width,
      }
      drawTotal(ctx, row, theme)
      drawInterval(ctx, row, theme)
      drawDots(ctx, row, theme)
    })
    ctx.restore()
  },
})

/** An arm and where its row of the chart is. */
interface ArmRow {
  readonly arm: PageArm
  /** of the bar */
  readonly middle: number
  /** the x of a time */
  readonly at: (ms: number) => number
  /** the chart's right edge */
  readonly right: number
}

function drawTotal(ctx: CanvasRenderingContext2D, { arm, middle, at, right }: ArmRow, theme: Theme): void {
  const text = say('ms', arm.median)
  ctx.font = `600 13px ${theme.sans}`
  ctx.textBaseline = 'middle'
  const end = at(arm.phases.reduce((sum, ms) => sum + ms, 0)) + 8
  ctx.fillStyle = theme.color('ink')
  ctx.fillText(text, Math.min(end, right - ctx.measureText(text).width), middle - BELOW / 4)
}

const samplesY = ({ middle }: ArmRow): number => middle + BELOW - 8

function drawInterval(ctx: CanvasRenderingContext2D, row: ArmRow, theme: Theme): void {
  const [low, high, y] = [row.at(row.arm.low), row.at(row.arm.high), samplesY(row)]
  ctx.strokeStyle = theme.color('soft')
  ctx.lineWidth = 1
  ctx.beginPath()
  ctx.moveTo(low, y - 5)
  ctx.lineTo(low, y + 5)
  ctx.moveTo(low, y)
  ctx.lineTo(high, y)
  ctx.moveTo(high, y - 5)
  ctx.lineTo(high, y + 5)
  ctx.stroke()
}

function drawDots(ctx: CanvasRenderingContext2D, row: ArmRow, theme: Theme): void {
  ctx.fillStyle = theme.color(row.arm.kind)
  ctx.globalAlpha = 0.75
  for (const ms of row.arm.totals) {
    ctx.beginPath()
    ctx.arc(row.at(ms), samplesY(row), 3, 0, 2 * Math.PI)
    ctx.fill()
  }
  ctx.globalAlpha = 1
}

/** On a narrow screen, labels are smaller and wrapped. */
const isNarrow = (): boolean => matchMedia('(max-width: 44rem)').matches

function options(data: PageData, theme: Theme): ChartOptions<'bar'> {
  const most = Math.max(...data.arms.flatMap((arm) => [...arm.totals, arm.median]))
  return {
    indexAxis: 'y',
    layout: { padding: { right: isNarrow() ? 24 : 56 } },
    scales: {
      x: { ...zeroAxis(theme, niceCeiling(most), 'ms'), stacked: true },
      y: {
        stacked: true,
        grid: { display: false },
        border: { display: false },
        ticks: { color: theme.color('ink'), font: { size: isNarrow() ? 11 : 13 }, crossAlign: 'far' },
      },
    },
    plugins: {
      tooltip: {
        callbacks: { label: ({ dataset, raw }) => ` ${dataset.label}: ${say('ms', Number(raw))}` },
      },
    },
  }
}

/** The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10 times a power of ten. */
export function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  const steps = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]
  return (steps.find((step) => step * power >= value) ?? 10) * power
}

const wrapped = (label: string): string | string[] => (isNarrow() ? label.split(/(?<=,) /) : label)

export function drawStart(data: PageData, theme: Theme): void {
  const canvas = canvasOf('start-chart')
  if (!canvas) return
  applyTheme(theme)
  new Chart(canvas, {
    type: 'bar',
    data: {
      labels: data.arms.map((arm) => wrapped(arm.label)),
      datasets: PHASE_NAMES.map((name, index) => ({
        label: PHASE_LABELS[index] ?? name,
        data: data.arms.map((arm) => arm.phases[index] ?? 0),
        backgroundColor: theme.color(name),
        barThickness: 26,
        borderWidth: 0,
      })),
    },
    options: options(data, theme),
    plugins: [samplesPlugin(data.arms, theme)],
  })
}
