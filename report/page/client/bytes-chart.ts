/** Bytes over time: a line for each arm, which ends with a dot when the container is ready. */
import type { PageArm, PageData } from '../shared/data.ts'
import { applyTheme, Chart, canvasOf, zeroAxis } from './charts.ts'
import { say } from './dom.ts'
import { niceCeiling } from './start-chart.ts'
import type { Theme } from './theme.ts'

const endOf = (arm: PageArm): readonly [number, number] => arm.timeline.at(-1) ?? [0, 0]

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
        clip: 8,
      })),
    },
    options: {
      layout: { padding: { top: 8 } },
      scales: {
        x: zeroAxis(theme, niceCeiling(latest), 'ms'),
        y: zeroAxis(theme, niceCeiling(most), 'bytes'),
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
  })
}
