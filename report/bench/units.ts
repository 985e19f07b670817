/** Numbers for terminals and pull requests: fixed English forms, which programs may look for. */
import type { Metric } from './budget.ts'

const trimmed = (value: number, digits: number): string => value.toFixed(digits)

export function msText(ms: number): string {
  if (ms < 1000) return `${trimmed(ms, 0)} ms`
  if (ms < 60_000) return `${trimmed(ms / 1000, 2)} s`
  return `${Math.floor(ms / 60_000)} min ${trimmed((ms % 60_000) / 1000, 0)} s`
}

export const bytesText = (bytes: number): string => {
  if (bytes < 1e3) return `${trimmed(bytes, 0)} B`
  if (bytes < 1e6) return `${trimmed(bytes / 1e3, 1)} kB`
  return bytes < 1e9 ? `${trimmed(bytes / 1e6, 1)} MB` : `${trimmed(bytes / 1e9, 2)} GB`
}

const texts = {
  start: msText,
  bytes: bytesText,
  requests: (count) => trimmed(count, Number.isInteger(count) ? 0 : 1),
} satisfies Record<Metric, (value: number) => string>

export const metricText = (metric: Metric, value: number): string => texts[metric](value)
