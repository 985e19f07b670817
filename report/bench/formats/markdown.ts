/** For a pull request. Names come from people and images: what could be markup is escaped. */
import { visible } from '../../../system/text/visible.ts'
import type { Conclusion } from '../conclusion.ts'
import { headlineText, verdictText } from '../verdict-text.ts'
import { ARM_HEADS, armRows, background, CHECK_HEADS, checkRows, conditions } from './rows.ts'

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;' }

const escaped = (text: string): string =>
  visible(text.replace(/\s+/g, ' ')).replace(/[\\`*_~{}[\]<>|#!@&]/g, (sign) => ENTITIES[sign] ?? `\\${sign}`)

const row = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = `| ${heads.map((_, column) => (column === 0 ? '---' : '---:')).join(' | ')} |`
  return [row(heads), rule, ...rows.map(row)].join('\n')
}

export function toMarkdown({ bench, arms, verdict, checks }: Conclusion): string {
  const failed = checks.filter(({ ok }) => !ok).length
  const headline = headlineText(verdict)
  const parts = [
    ...(headline === undefined ? [] : [`**${escaped(headline)}** ${escaped(verdictText(verdict))}`]),
    table(ARM_HEADS, armRows(arms)),
    ...[conditions(bench), background(arms)].flatMap((line) =>
      line === undefined ? [] : [`${escaped(line)}.`],
    ),
  ]
  if (checks.length > 0)
    parts.push(
      failed === 0 ? 'All limits are met.' : `**${failed} of ${checks.length} limits are exceeded.**`,
      table(CHECK_HEADS, checkRows(checks)),
    )
  return `${parts.join('\n\n')}\n`
}
