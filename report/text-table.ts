/** Rows of text as columns, for terminals. Pure. */

/** Columns are as wide as their widest cell. @param words columns that are aligned to the left; the others are numbers */
export function textTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  words: readonly number[] = [0],
): string {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const pad = (cell: string, column: number) =>
    words.includes(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  return [heads, ...rows].map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}
