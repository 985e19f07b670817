/** For a terminal: aligned columns, numbers to the right. */
import { visible } from '../../../system/text/visible.ts'
import type { Conclusion } from '../conclusion.ts'
import { textTable } from '../text-table.ts'
import { ARM_HEADS, armRows, background, CHECK_HEADS, checkRows, conditions } from './rows.ts'

export function toText({ bench, arms, checks }: Conclusion): string {
  const parts = [
    textTable(ARM_HEADS, armRows(arms)),
    [conditions(bench), background(arms)].flatMap((line) => (line === undefined ? [] : [visible(line)])),
  ]
  if (checks.length > 0) parts.push(textTable(CHECK_HEADS, checkRows(checks)))
  return parts.map((lines) => lines.join('\n')).join('\n\n')
}
