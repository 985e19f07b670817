/** The parts of chart.js that the page uses, and the look of all its charts. */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from 'chart.js'
import { sayTick } from './dom.ts'
import { isStill, type Theme } from './theme.ts'

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
)

export function canvasOf(id: string): HTMLCanvasElement | undefined {
  const element = document.getElementById(id)
  if (!(element instanceof HTMLCanvasElement)) return undefined
  Chart.getChart(element)?.destroy()
  return element
}

export function applyTheme(theme: Theme): void {
  Chart.defaults.font.family = theme.sans
  Chart.defaults.font.size = 12
  Chart.defaults.color = theme.color('soft')
  Chart.defaults.animation = isStill() ? false : { duration: 400 }
  Chart.defaults.maintainAspectRatio = false
  Chart.defaults.plugins.tooltip.backgroundColor = theme.color('ink')
  Chart.defaults.plugins.tooltip.titleColor = theme.color('paper')
  Chart.defaults.plugins.tooltip.bodyColor = theme.color('paper')
  Chart.defaults.plugins.tooltip.cornerRadius = 4
  Chart.defaults.plugins.tooltip.padding = 8
  Chart.defaults.plugins.tooltip.boxPadding = 4
}

/** An axis from zero to `max` with at most 6 ticks. */
export function zeroAxis(theme: Theme, max: number, unit: 'ms' | 'bytes') {
  return {
    type: 'linear' as const,
    min: 0,
    max,
    grid: { color: theme.color('line'), tickLength: 0 },
    border: { display: false },
    ticks: {
      maxTicksLimit: 6,
      padding: 8,
      callback: (value: number | string) => sayTick(unit, Number(value)),
    },
  }
}

export { Chart }
