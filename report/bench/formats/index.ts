/** The formats a measurement can be printed in. */
import type { Conclusion } from '../conclusion.ts'
import { toBenchmarkAction } from './benchmark-action.ts'
import { toJson } from './json.ts'
import { toJunit } from './junit.ts'
import { toMarkdown } from './markdown.ts'
import { toText } from './text.ts'

export type FormatName = 'text' | 'json' | 'markdown' | 'junit' | 'benchmark-action'

export const formats = {
  text: toText,
  json: toJson,
  markdown: toMarkdown,
  junit: toJunit,
  'benchmark-action': toBenchmarkAction,
} satisfies Record<FormatName, (conclusion: Conclusion) => string>
