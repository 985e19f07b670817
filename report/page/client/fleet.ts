/** The program of the page for several images: numbers in the reader's locale, and a sortable table. */
import { localize } from './dom.ts'

const keyOf = (row: HTMLTableRowElement, column: number): number | string => {
  const cell = row.cells[column]
  const number = cell?.querySelector('data')?.value
  if (number !== undefined) return Number(number)
  const text = cell?.textContent ?? ''
  return text === '–' ? Number.NEGATIVE_INFINITY : text
}

function sortBy(table: HTMLTableElement, column: number, down: boolean): void {
  const body = table.tBodies[0]
  if (!body) return
  const sign = down ? -1 : 1
  const rows = [...body.rows].sort((a, b) => {
    const [left, right] = [keyOf(a, column), keyOf(b, column)]
    return left < right ? -sign : left > right ? sign : 0
  })
  body.append(...rows)
  table.querySelectorAll('thead th').forEach((head, index) => {
    if (index === column) head.setAttribute('aria-sort', down ? 'descending' : 'ascending')
    else head.removeAttribute('aria-sort')
  })
}

localize()
for (const table of document.querySelectorAll<HTMLTableElement>('table.fleet')) {
  table.querySelectorAll('thead button').forEach((button, column) => {
    button.addEventListener('click', () => {
      const now = button.closest('th')?.getAttribute('aria-sort')
      sortBy(table, column, now !== 'descending')
    })
  })
}
