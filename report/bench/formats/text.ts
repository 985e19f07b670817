/** For a terminal: aligned columns, numbers to the right. */
import type { Check } from '../budget.ts'
import type { Bench } from '../file.ts'
import { ARM_HEADS, armRows, CHECK_HEADS, checkRows, conditions } from './rows.ts'

function aligned(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [heads, ...rows].map(line).join('\n')
}

export function toText(bench: Bench, checks: readonly Check[]): string {
  const parts = [aligned(ARM_HEADS, armRows(bench)), conditions(bench)]
  if (checks.length > 0) parts.push(aligned(CHECK_HEADS, checkRows(checks)))
  return parts.join('\n\n')
}
