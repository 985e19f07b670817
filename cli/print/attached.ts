/** Attached profiles as a person reads them. Pure. */
import type { AttachedTrace } from '../../tracer/trace/artifact.ts'
import { bytes, counted, table, thousands } from './output.ts'

const DAY_MS = 86_400_000

/** A clock that is wrong makes it the future: then it is said to be of today. */
export function ageText(created: Date, now: Date): string {
  const ms = Math.max(0, now.getTime() - created.getTime())
  if (ms < DAY_MS)
    return ms < 3_600_000 ? 'less than an hour ago' : `${counted(Math.floor(ms / 3_600_000), 'hour')} ago`
  return `${counted(Math.floor(ms / DAY_MS), 'day')} ago`
}

const shown = (count: number | undefined, text: (count: number) => string): string =>
  count === undefined ? '' : text(count)

export const attachedTable = (attached: readonly AttachedTrace[], now: Date): string[] =>
  table(
    ['profile', 'recorded', 'runs', 'files', 'read', 'digest'],
    attached.map(({ name, created, runs, files, readBytes, digest }) => [
      name,
      created ? ageText(created, now) : '',
      shown(runs, thousands),
      shown(files, thousands),
      shown(readBytes, bytes),
      digest,
    ]),
    [0, 1, 5],
  )

export const attachedJson = (subject: string, attached: readonly AttachedTrace[]): string =>
  JSON.stringify({
    subject,
    profiles: attached.map(({ name, created, runs, files, readBytes, digest }) => ({
      name,
      digest,
      created: created?.toISOString(),
      runs,
      files,
      readBytes,
    })),
  })
