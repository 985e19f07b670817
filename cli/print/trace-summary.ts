/** A trace in three lines, printed at the end of `profile` and the beginning of `optimize`. Pure. */
import type { Trace } from '../../tracer/trace/file.ts'
import { bytes, duration, percent, thousands } from './output.ts'

const BY: Record<Trace['run']['ready']['by'], string> = {
  log: 'its log matched',
  http: 'it responded over HTTP',
  tcp: 'its port accepted a connection',
  exec: 'its check command succeeded',
  health: 'its healthcheck passed',
  exit: 'it exited',
  period: 'the period ended',
  interrupt: 'interrupted',
}

export function traceSummary({ run, image, files, lookups }: Trace): string[] {
  const read = files.filter((file) => file.ranges.length > 0 && !file.afterReady)
  const needed = read.flatMap((file) => file.ranges).reduce((sum, [start, end]) => sum + end - start, 0)
  const { ms, by } = run.ready
  const runs = run.runs > 1 ? `, the median of ${thousands(run.runs)} runs` : ''
  return [
    ms === null
      ? `recorded ${duration(run.durationMs)} (${BY[by]})${runs}`
      : `ready after ${duration(ms)} (${BY[by]})${runs}`,
    `read ${bytes(needed)} of ${bytes(image.bytes)} (${percent(image.bytes === 0 ? 0 : needed / image.bytes)}) in ${thousands(read.length)} of ${thousands(image.files)} files`,
    `${thousands(files.length - read.length)} more opened, followed or read later; ${thousands(lookups.found)} lookups found a file, ${thousands(lookups.missing)} did not`,
  ]
}
