/** The table of files: only visible rows are in the document, so that 100,000 rows scroll as smoothly as ten. */

import type { PageData } from '../shared/data.ts'
import { showPath } from '../shared/format.ts'
import { csvOf } from './csv.ts'
import { byId, inputById, make, say } from './dom.ts'
import { type Files, stateLabel } from './files.ts'

const ROW = 28
const SPARE = 12

interface Column {
  readonly name: string
  readonly className: string
  readonly width: string
  /** sort key; text for paths */
  readonly value: (files: Files, index: number) => number | string
  readonly text: (files: Files, index: number, data: PageData) => string
  /** the first click sorts in descending order */
  readonly down: boolean
}

const share = (files: Files, index: number): number =>
  Math.max(0, files.read[index] ?? 0) / Math.max(1, files.size[index] ?? 0)

const at = (list: readonly number[], index: number): number => list[index] ?? 0

const COLUMNS: readonly Column[] = [
  {
    name: 'Path',
    className: '',
    width: 'w-path',
    value: (f, i) => f.path[i] ?? '',
    text: (f, i) => showPath(f.path[i] ?? ''),
    down: false,
  },
  {
    name: 'Layer',
    className: 'n o m layered',
    width: 'w-layer',
    value: (f, i) => at(f.layer, i),
    text: (f, i) => (at(f.layer, i) < 0 ? '–' : say('count', at(f.layer, i) + 1)),
    down: false,
  },
  {
    name: 'Size',
    className: 'n',
    width: 'w-n',
    value: (f, i) => at(f.size, i),
    text: (f, i) => say('bytes', at(f.size, i)),
    down: true,
  },
  {
    name: 'Read',
    className: 'n traced',
    width: 'w-n',
    value: (f, i) => at(f.read, i),
    text: (f, i) => (at(f.read, i) < 0 ? '–' : say('bytes', at(f.read, i))),
    down: true,
  },
  {
    name: 'Share',
    className: 'n o m traced',
    width: 'w-n',
    value: share,
    text: (f, i) => (at(f.read, i) < 0 ? '–' : say('percent', share(f, i))),
    down: true,
  },
  {
    name: 'First read',
    className: 'n o traced',
    width: 'w-t',
    value: (f, i) => (at(f.readMs, i) < 0 ? Number.POSITIVE_INFINITY : at(f.readMs, i)),
    text: (f, i) => (at(f.readMs, i) < 0 ? '–' : say('ms', at(f.readMs, i))),
    down: false,
  },
  {
    name: 'State',
    className: 's o',
    width: 'w-s',
    value: (f, i) => f.state[i] ?? '',
    text: (f, i, data) => stateLabel(f.state[i] ?? 'never', data),
    down: true,
  },
]

interface Order {
  readonly column: number
  readonly down: boolean
}

function sorted(files: Files, rows: readonly number[], { column, down }: Order): number[] {
  const value = COLUMNS[column]?.value ?? (() => 0)
  const keys = rows.map((index) => value(files, index))
  const sign = down ? -1 : 1
  return rows
    .map((index, place) => ({ index, key: keys[place] ?? 0 }))
    .sort((a, b) => (a.key < b.key ? -sign : a.key > b.key ? sign : a.index - b.index))
    .map(({ index }) => index)
}

function matching(files: Files, search: string, state: string, layer: string): number[] {
  const wanted = search.toLowerCase()
  return Array.from({ length: files.count }, (_, index) => index).filter(
    (index) =>
      (wanted === '' ||
        showPath(files.path[index] ?? '')
          .toLowerCase()
          .includes(wanted)) &&
      (layer === '' || files.layer[index] === Number(layer)) &&
      (state === '' ||
        (state === 'part'
          ? at(files.read, index) > 0 && at(files.read, index) < at(files.size, index)
          : files.state[index] === state)),
  )
}

function rowOf(data: PageData, files: Files, index: number, place: number): HTMLTableRowElement {
  const cells = COLUMNS.map((column, which) => {
    const text = column.text(files, index, data)
    return which === 0
      ? make('th', { scope: 'row', text, title: text })
      : make('td', { class: column.className, text })
  })
  return make('tr', { 'aria-rowindex': String(place + 2) }, ...cells)
}

const gap = (rows: number): HTMLTableRowElement => {
  const row = make('tr', { class: 'gap', 'aria-hidden': 'true' }, make('td'))
  row.style.height = `${rows * ROW}px`
  return row
}

function selectValue(id: string): string {
  const element = byId(id)
  return element instanceof HTMLSelectElement ? element.value : ''
}

export function showTable(data: PageData, files: Files): void {
  const [box, table] = [byId('table-scroll'), byId('table')]
  const search = inputById('search')
  if (!box || !(table instanceof HTMLTableElement) || !search) return
  const body = table.tBodies[0]
  const head = table.tHead
  if (!body || !head) return
  table.classList.toggle('untraced', !data.traced)
  table.classList.toggle('unlayered', data.layers.length === 0)
  let order: Order = data.traced ? { column: 5, down: false } : { column: 2, down: true }
  let rows: number[] = []

  const paint = () => {
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - SPARE)
    const last = Math.min(rows.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + SPARE)
    const shown = rows.slice(first, last).map((index, place) => rowOf(data, files, index, first + place))
    body.replaceChildren(gap(first), ...shown, gap(rows.length - last))
  }
  const update = () => {
    rows = sorted(files, matching(files, search.value, selectValue('state'), selectValue('layer')), order)
    table.setAttribute('aria-rowcount', String(rows.length + 1))
    box.scrollTop = 0
    showCount(data, files, rows)
    paint()
  }
  const header = () => {
    head.replaceChildren(
      headerRow(order, (column) => {
        order = { column, down: column === order.column ? !order.down : (COLUMNS[column]?.down ?? false) }
        header()
        head.querySelectorAll('button')[column]?.focus()
        update()
      }),
    )
  }
  header()
  update()
  box.addEventListener('scroll', () => requestAnimationFrame(paint), { passive: true })
  for (const id of ['search', 'state', 'layer']) byId(id)?.addEventListener('input', update)
  byId('copy')?.addEventListener('click', ({ currentTarget }) => void copy(csv(files, rows), currentTarget))
}

function headerRow(order: Order, choose: (column: number) => void): HTMLTableRowElement {
  const cells = COLUMNS.map(({ name, className, width }, index) => {
    const button = make('button', { type: 'button', text: name })
    button.addEventListener('click', () => choose(index))
    const direction = order.column === index ? (order.down ? 'descending' : 'ascending') : undefined
    return make('th', { scope: 'col', class: `${width} ${className}`, 'aria-sort': direction }, button)
  })
  return make('tr', { 'aria-rowindex': '1' }, ...cells)
}

function showCount(data: PageData, files: Files, rows: readonly number[]): void {
  const count = byId('table-count')
  if (!count) return
  const size = rows.reduce((sum, index) => sum + at(files.size, index), 0)
  const left = data.unlisted.reduce((sum, [, , unlisted]) => sum + unlisted, 0)
  const more = left > 0 ? ` ${say('count', left)} more, small and never touched, are not listed.` : ''
  count.textContent = `${say('count', rows.length)} of ${say('count', files.count)} files, ${say('bytes', size)}.${more}`
}

const csv = (files: Files, rows: readonly number[]): string =>
  csvOf([
    ['path', 'layer', 'size', 'read', 'first_open_ms', 'first_read_ms', 'state'],
    ...rows.map((index) => [
      showPath(files.path[index] ?? ''),
      at(files.layer, index) + 1 || '',
      at(files.size, index),
      Math.max(0, at(files.read, index)),
      at(files.openMs, index) < 0 ? '' : at(files.openMs, index),
      at(files.readMs, index) < 0 ? '' : at(files.readMs, index),
      files.state[index] ?? '',
    ]),
  ])

async function copy(text: string, button: EventTarget | null): Promise<void> {
  let done = 'Copied'
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    done = copyBySelection(text) ? 'Copied' : 'Could not copy'
  }
  if (!(button instanceof HTMLElement)) return
  button.textContent = done
  setTimeout(() => {
    button.textContent = 'Copy as CSV'
  }, 2000)
}

/** If the page has no permission for the clipboard (in a viewer's frame), this older way often still works. */
function copyBySelection(text: string): boolean {
  const area = make('textarea', { 'aria-hidden': 'true' })
  area.value = text
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  return done
}
