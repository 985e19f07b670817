/** Rows of text as aligned columns, for terminals. A cell's text can't leave it. Pure. */
import { visible } from '../../system/text/visible.ts'

/** @returns a line each. @param words columns of words, which are aligned to the left; the others hold numbers */
export function textTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  words: readonly number[] = [0],
): string[] {
  const lines = [heads, ...rows.map((row) => row.map(visible))]
  const widths = heads.map((_, column) =>
    lines.reduce((widest, line) => Math.max(widest, line[column]?.length ?? 0), 0),
  )
  const pad = (cell: string, column: number) =>
    words.includes(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  return lines.map((line) => line.map(pad).join('  ').trimEnd())
}
