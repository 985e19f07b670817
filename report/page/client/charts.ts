/** The parts of chart.js that the page uses, and how all its charts look. */
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

/** Ticks for an axis of milliseconds up to `max`, at whole steps: 6 at most. */
export function secondsAxis(theme: Theme, max: number, text: (ms: number) => string) {
  return {
    type: 'linear' as const,
    min: 0,
    max,
    grid: { color: theme.color('line'), tickLength: 0 },
    border: { display: false },
    ticks: { maxTicksLimit: 6, padding: 8, callback: (value: number | string) => text(Number(value)) },
  }
}

export { Chart }
