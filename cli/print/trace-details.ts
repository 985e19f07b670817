/** A trace, or the difference of two, as a person reads it. Pure. */
import type { TraceDiff, TraceDifference } from '../../tracer/trace/diff.ts'
import type { Trace } from '../../tracer/trace/file.ts'
import type { Share, TraceSummary } from '../../tracer/trace/summary.ts'
import { bytes, counted, duration, percent, table, thousands } from './output.ts'
import { traceSummary } from './trace-summary.ts'

const SHOWN = 10

export function traceDetails(trace: Trace, { folders, layers, partly }: TraceSummary): string[] {
  const { reference, platform } = trace.image
  return [
    `${reference} (${platform}), ${trace.run.engine}: ${trace.run.command.join(' ')}`,
    ...traceSummary(trace),
    ...shares(
      'read from layer',
      layers.map((one) => ({ ...one, name: String(Number(one.name) + 1) })),
    ),
    ...shares('read from folder', folders.slice(0, SHOWN)),
    ...section(
      ['large and read only in part', 'read', 'of'],
      partly.slice(0, SHOWN).map((one) => [one.path, bytes(one.bytes), bytes(one.size)]),
    ),
    ...section(
      ['package never touched', 'files', 'bytes'],
      (trace.unused?.packages ?? [])
        .slice(0, SHOWN)
        .map((one) => [`${one.name} (${one.manager})`, thousands(one.files), bytes(one.bytes)]),
    ),
  ]
}

const shares = (title: string, list: readonly Share[]): string[] =>
  section(
    [title, 'files', 'bytes'],
    list.map((one) => [one.name, thousands(one.files), bytes(one.bytes)]),
  )

const section = (header: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  rows.length === 0 ? [] : ['', ...table(header, rows)]

export function traceDifferences(diff: TraceDiff): string[] {
  const { before, after } = diff.bytes
  const ready = [diff.readyMs.before, diff.readyMs.after].map((ms) => (ms === null ? 'never' : duration(ms)))
  return [
    `read ${bytes(before)} before, ${bytes(after)} after${before > 0 ? ` (${percent(after / before)})` : ''}; ready after ${ready.join(', then ')}`,
    `${counted(diff.same, 'file')} unchanged`,
    ...changes('new', diff.added),
    ...changes('gone', diff.removed),
    ...changes('larger', diff.grown),
    ...changes('smaller', diff.shrunk),
  ]
}

const changes = (title: string, list: readonly TraceDifference[]): string[] =>
  section(
    [`${title}: ${thousands(list.length)}`, 'before', 'after'],
    list.slice(0, SHOWN).map((one) => [one.path, bytes(one.before), bytes(one.after)]),
  )
