/** A trace in three lines, as `profile` ends and `optimize` begins with. Pure. */
import type { Trace } from '../../tracer/trace/file.ts'
import { bytes, duration, percent, thousands } from './output.ts'

const BY: Record<Trace['run']['ready']['by'], string> = {
  log: 'its log said so',
  http: 'it answered over HTTP',
  tcp: 'its port took a connection',
  exec: 'the command in it passed',
  health: 'its healthcheck passed',
  exit: 'it ended',
  period: 'the period was over',
  interrupt: 'interrupted',
}

export function traceSummary({ run, image, files, lookups }: Trace): string[] {
  const read = files.filter((file) => file.ranges.length > 0 && !file.afterReady)
  const needed = read.flatMap((file) => file.ranges).reduce((sum, [start, end]) => sum + end - start, 0)
  const { ms, by } = run.ready
  return [
    ms === null
      ? `recorded ${duration(run.durationMs)} (${BY[by]})`
      : `ready after ${duration(ms)} (${BY[by]})`,
    `read ${bytes(needed)} of ${bytes(image.bytes)} (${percent(image.bytes === 0 ? 0 : needed / image.bytes)}) in ${thousands(read.length)} of ${thousands(image.files)} files`,
    `${thousands(files.length - read.length)} more opened, followed or read later; ${thousands(lookups.found)} looked up, ${thousands(lookups.missing)} not there`,
  ]
}
