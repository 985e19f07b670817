/** What the table of images shows of each, and what it can be sorted by. */
import { visible } from '../../../../system/text/visible.ts'
import { gainOf, type LiveRow, recordedAt, STATES } from '../../shared/live.ts'
import { say } from '../dom.ts'
import { ago } from './ago.ts'

export interface Column {
  readonly name: string
  readonly isNumber: boolean
  /** undefined: not known, which comes last in either direction */
  readonly key: (row: LiveRow) => number | string | undefined
  /** what a person reads; its longer form is shown when it is pointed at */
  readonly text: (row: LiveRow) => string
  readonly title?: (row: LiveRow) => string | undefined
  /** the first click sorts in descending order */
  readonly down: boolean
}

/** Also for the search. */
export function stateText({ state, kind, attempts }: LiveRow): string {
  const isRecord = kind === 'record'
  if (state === 'done') return isRecord ? 'Recorded' : 'Up to date'
  if (state === 'failed') return isRecord ? 'Recording failed' : 'Rebuild failed'
  if (state === 'waiting' && attempts > 0) return 'Waiting for another attempt'
  if (state === 'waiting') return isRecord ? 'Waiting to be recorded' : 'Waiting to be rebuilt'
  const what = isRecord ? 'Recording' : 'Rebuilding'
  return attempts > 1 ? `${what}, attempt ${say('count', attempts)}` : what
}

const orDash = (value: number | undefined, unit: Parameters<typeof say>[0]): string =>
  value === undefined ? '–' : say(unit, value)

const date = (at: number | undefined): string | undefined => (at === undefined ? undefined : say('date', at))

const number = (
  name: string,
  unit: Parameters<typeof say>[0],
  key: (row: LiveRow) => number | undefined,
): Column => ({ name, isNumber: true, key, text: (row) => orDash(key(row), unit), down: true })

const time = (name: string, key: (row: LiveRow) => number | undefined): Column => ({
  name,
  isNumber: true,
  key,
  text: (row) => {
    const at = key(row)
    return at === undefined ? '–' : ago(at)
  },
  title: (row) => date(key(row)),
  down: false,
})

/** The first one names the row. */
export const COLUMNS: readonly Column[] = [
  {
    name: 'Image',
    isNumber: false,
    key: ({ source }) => source,
    text: ({ source }) => visible(source),
    title: ({ source, target }) =>
      source === target ? visible(source) : `${visible(source)} → ${visible(target)}`,
    down: false,
  },
  {
    name: 'State',
    isNumber: false,
    key: ({ state }) => STATES.indexOf(state),
    text: stateText,
    title: ({ error }) => (error === undefined ? undefined : visible(error)),
    down: false,
  },
  number('Faster', 'times', gainOf),
  number('To start', 'bytes', ({ result }) => result?.start?.bytes),
  number('Full pull', 'bytes', ({ result }) => result?.start?.fullBytes),
  number('Covered', 'percent', ({ result }) => result?.coverage),
  time('Profile', recordedAt),
  time('Changed', ({ at }) => at),
]
export const STATE_COLUMN = 1

export interface Order {
  readonly column: number
  readonly down: boolean
}

/** Those that are as good as each other stand in the order of their names. */
export function sorted(rows: readonly LiveRow[], { column, down }: Order): LiveRow[] {
  const key = COLUMNS[column]?.key ?? (() => undefined)
  const sign = down ? -1 : 1
  const names = new Intl.Collator('en', { numeric: true })
  const compare = (a: LiveRow, b: LiveRow): number => {
    const [left, right] = [key(a), key(b)]
    if (left === undefined || right === undefined)
      return Number(left === undefined) - Number(right === undefined)
    if (typeof left === 'string' || typeof right === 'string')
      return sign * names.compare(String(left), String(right))
    return sign * (left - right)
  }
  return rows.toSorted((a, b) => compare(a, b) || names.compare(a.source, b.source))
}
