/** The table of images. A row that hasn't changed is left as it is, so that nobody who reads, selects or opens something is disturbed. */
import { commonRegistry, type LiveRow } from '../../shared/live.ts'
import { byId, inputById, make, say } from '../dom.ts'
import { COLUMNS, type Order, STATE_COLUMN, sorted, stateText } from './columns.ts'
import { showDetails } from './details.ts'

interface Shown {
  row: LiveRow
  /** of `row` and what it is shown with, to see whether anything changed */
  known: string
  readonly line: HTMLTableRowElement
  details: HTMLTableRowElement | undefined
}

export interface LiveTable {
  show(rows: readonly LiveRow[]): void
}

export function startTable(): LiveTable {
  const element = document.querySelector('table.live')
  const body = element instanceof HTMLTableElement ? element.tBodies[0] : undefined
  const head = element instanceof HTMLTableElement ? element.tHead : undefined
  if (!body || !head) throw new Error('the page has no table')
  const shown = new Map<string, Shown>()
  let rows: readonly LiveRow[] = []
  let order: Order = { column: STATE_COLUMN, down: false }

  const paint = () => {
    const registry = commonRegistry(rows.map(({ source }) => source))
    const visibleRows = sorted(rows.filter(isWanted), order)
    const lines = visibleRows.flatMap((row) => linesOf(shown, row, registry))
    arrange(body, lines)
    const none =
      rows.length === 0 ? '' : `${say('count', visibleRows.length)} of ${say('count', rows.length)} images`
    const of = registry === '' || rows.length === 0 ? '' : ` of ${registry.slice(0, -1)}`
    const count = byId('count')
    if (count && count.textContent !== none + of) count.textContent = none + of
  }
  const choose = (next: Order) => {
    order = next
    for (const [index, cell] of [...head.querySelectorAll('th')].entries())
      if (index === order.column) cell.setAttribute('aria-sort', order.down ? 'descending' : 'ascending')
      else cell.removeAttribute('aria-sort')
    const sort = byId('sort')
    if (sort instanceof HTMLSelectElement) sort.value = String(order.column)
    paint()
  }
  addHead(head, (column) =>
    choose({ column, down: column === order.column ? !order.down : (COLUMNS[column]?.down ?? false) }),
  )
  addSort((column) => choose({ column, down: COLUMNS[column]?.down ?? false }))
  for (const id of ['search', 'state']) byId(id)?.addEventListener('input', paint)
  choose(order)
  return {
    show(next) {
      rows = next
      const targets = new Set(rows.map(({ target }) => target))
      for (const target of shown.keys()) if (!targets.has(target)) shown.delete(target)
      paint()
    },
  }
}

function addHead(head: HTMLTableSectionElement, choose: (column: number) => void): void {
  const cells = COLUMNS.map(({ name, isNumber }, index) => {
    const button = make('button', { type: 'button', text: name })
    button.addEventListener('click', () => choose(index))
    return make('th', { scope: 'col', class: isNumber ? '' : 'left' }, button)
  })
  head.replaceChildren(make('tr', {}, ...cells))
}

/** On a narrow screen there is no head to click. */
function addSort(choose: (column: number) => void): void {
  const sort = byId('sort')
  if (!(sort instanceof HTMLSelectElement)) return
  sort.replaceChildren(
    ...COLUMNS.map(({ name }, index) => make('option', { value: String(index), text: name })),
  )
  sort.addEventListener('input', () => choose(Number(sort.value)))
}

function isWanted(row: LiveRow): boolean {
  const state = byId('state')
  if (state instanceof HTMLSelectElement && state.value !== '' && state.value !== row.state) return false
  const wanted = (inputById('search')?.value ?? '').trim().toLowerCase()
  return `${row.source} ${row.target} ${stateText(row)} ${row.error ?? ''}`.toLowerCase().includes(wanted)
}

/** A row, and what is open below it. */
function linesOf(shown: Map<string, Shown>, row: LiveRow, registry: string): HTMLTableRowElement[] {
  const texts = COLUMNS.map(({ text }) => text(row))
  const known = JSON.stringify([row.job, row.error, registry, texts])
  let one = shown.get(row.target)
  if (!one) {
    one = { row, known: '', line: make('tr'), details: undefined }
    shown.set(row.target, one)
    addCells(one)
  }
  const isOther = one.row.job !== row.job || one.row.state !== row.state
  one.row = row
  if (one.known !== known) fill(one, texts, registry)
  one.known = known
  if (isOther && one.details?.cells[0]) void showDetails(one.details.cells[0], row)
  return one.details ? [one.line, one.details] : [one.line]
}

function addCells(one: Shown): void {
  const button = make('button', { type: 'button', 'aria-expanded': 'false' })
  button.addEventListener('click', () => toggle(one, button))
  one.line.append(make('th', { scope: 'row' }, button))
  for (const { name, isNumber } of COLUMNS.slice(1))
    one.line.append(make('td', { class: isNumber ? '' : 'verdict', 'data-head': name }))
}

function fill({ line, row }: Shown, texts: readonly string[], registry: string): void {
  line.className = `state-${row.state}`
  for (const [index, cell] of [...line.cells].entries()) {
    const text = texts[index] ?? ''
    const place = index === 0 ? (cell.querySelector('button') ?? cell) : cell
    place.textContent = index === 0 ? text.slice(registry.length) : text
    const title = COLUMNS[index]?.title?.(row)
    if (title === undefined) place.removeAttribute('title')
    else place.setAttribute('title', title)
  }
}

function toggle(one: Shown, button: HTMLButtonElement): void {
  if (one.details) {
    one.details.remove()
    one.details = undefined
  } else {
    const cell = make('td', { colspan: String(COLUMNS.length) })
    one.details = make('tr', { class: 'details' }, cell)
    one.line.after(one.details)
    void showDetails(cell, one.row)
  }
  button.setAttribute('aria-expanded', String(one.details !== undefined))
}

/** Moves only what stands in the wrong place: what is moved loses the focus. */
function arrange(body: HTMLTableSectionElement, lines: readonly HTMLTableRowElement[]): void {
  const wanted = new Set(lines)
  for (const line of [...body.rows]) if (!wanted.has(line)) line.remove()
  let there = body.firstElementChild
  for (const line of lines)
    if (line === there) there = there.nextElementSibling
    else body.insertBefore(line, there)
}
