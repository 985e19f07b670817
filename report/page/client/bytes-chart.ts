/** Bytes over time: a line an arm, which ends, with a dot and its name, where the container was ready. */
import type { Plugin } from 'chart.js'
import type { PageArm, PageData } from '../data.ts'
import { applyTheme, Chart, canvasOf, secondsAxis } from './charts.ts'
import { say } from './dom.ts'
import { niceCeiling } from './start-chart.ts'
import type { Theme } from './theme.ts'

const endOf = (arm: PageArm): readonly [number, number] => arm.timeline.at(-1) ?? [0, 0]

/** Names at the lines' ends, moved apart where two would cover each other. */
const namesPlugin = (arms: readonly PageArm[], theme: Theme): Plugin<'line'> => ({
  id: 'names',
  afterDatasetsDraw({ ctx, scales, chartArea }) {
    const { x, y } = scales
    if (!x || !y) return
    ctx.save()
    ctx.font = `12px ${theme.sans}`
    ctx.textBaseline = 'middle'
    const placed: { left: number; right: number; y: number }[] = []
    for (const arm of arms) {
      const [ms, bytes] = endOf(arm)
      const text = `${arm.label}: ready at ${say('ms', ms)}, ${say('bytes', bytes)}`
      const width = ctx.measureText(text).width
      const fits = x.getPixelForValue(ms) + 10 + width < chartArea.right
      const left = fits
        ? x.getPixelForValue(ms) + 10
        : Math.max(chartArea.left + 4, x.getPixelForValue(ms) - width - 10)
      let top = y.getPixelForValue(bytes) - (fits ? 8 : 10)
      while (placed.some((one) => Math.abs(one.y - top) < 15 && one.left < left + width && left < one.right))
        top -= 3
      placed.push({ left, right: left + width, y: top })
      ctx.fillStyle = theme.color('paper')
      ctx.globalAlpha = 0.8
      ctx.fillRect(left - 2, top - 7, width + 4, 14)
      ctx.globalAlpha = 1
      ctx.fillStyle = theme.color(arm.kind)
      ctx.fillText(text, left, top)
    }
    ctx.restore()
  },
})

export function drawBytes(data: PageData, theme: Theme): void {
  const canvas = canvasOf('bytes-chart')
  if (!canvas) return
  applyTheme(theme)
  const latest = Math.max(...data.arms.map((arm) => endOf(arm)[0]), 1)
  const most = Math.max(...data.arms.map((arm) => endOf(arm)[1]), 1)
  new Chart(canvas, {
    type: 'line',
    data: {
      datasets: data.arms.map((arm) => ({
        label: arm.label,
        data: [{ x: 0, y: 0 }, ...arm.timeline.map(([x, y]) => ({ x, y }))],
        borderColor: theme.color(arm.kind),
        backgroundColor: theme.color(arm.kind),
        borderWidth: 2,
        pointRadius: [...new Array<number>(arm.timeline.length).fill(0), 5],
        pointHitRadius: 6,
        tension: 0,
      })),
    },
    options: {
      layout: { padding: { top: 20 } },
      scales: {
        x: secondsAxis(theme, niceCeiling(latest), (ms) => say('ms', ms)),
        y: secondsAxis(theme, niceCeiling(most), (bytes) => say('bytes', bytes)),
      },
      plugins: {
        tooltip: {
          callbacks: {
            title: () => '',
            label: ({ dataset, parsed }) =>
              ` ${dataset.label}: ${say('bytes', parsed.y ?? 0)} after ${say('ms', parsed.x ?? 0)}`,
          },
        },
      },
    },
    plugins: [namesPlugin(data.arms, theme)],
  })
}
