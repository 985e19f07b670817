/** Numbers for terminals and pull requests: always in English, so that programs can rely on the form. */
import type { Metric } from './budget.ts'

export function msText(ms: number): string {
  if (Math.round(ms) < 1000) return `${ms.toFixed(0)} ms`
  if (Math.round(ms / 10) < 6000) return `${(ms / 1000).toFixed(2)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

export const bytesText = (bytes: number): string => {
  if (bytes < 1e3) return `${bytes.toFixed(0)} B`
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}

const texts = {
  start: msText,
  bytes: bytesText,
  requests: (count) => count.toFixed(Number.isInteger(count) ? 0 : 1),
} satisfies Record<Metric, (value: number) => string>

export const metricText = (metric: Metric, value: number): string => texts[metric](value)
