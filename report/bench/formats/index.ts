/** The formats a measurement can be printed in. */
import type { Check } from '../budget.ts'
import type { Bench } from '../file.ts'
import { toJson } from './json.ts'
import { toJunit } from './junit.ts'
import { toMarkdown } from './markdown.ts'
import { toText } from './text.ts'

export type FormatName = 'text' | 'json' | 'markdown' | 'junit'

export const formats = {
  text: toText,
  json: toJson,
  markdown: toMarkdown,
  junit: toJunit,
} satisfies Record<FormatName, (bench: Bench, checks: readonly Check[]) => string>
