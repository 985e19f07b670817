/** Texts as shells read them back. */
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { brief, fishQuoted, quoted } from '../../../cli/completion/quote.ts'

test.each(["it's", '$HOME `x` "y" \\', "''", 'a\nb'])('bash reads %j back unchanged', (text) => {
  expect(execFileSync('bash', ['-c', `printf %s ${quoted(text)}`]).toString()).toBe(text)
})

test('fish knows two escapes between single quotes', () => {
  expect(fishQuoted("it's a \\ $x")).toBe("'it\\'s a \\\\ $x'")
})

test.each([
  ['fail if it is not ready by then (default: 2m)', 'fail if it is not ready by then'],
  ['worth: cheaper; all: every one', 'worth: cheaper'],
  ['(all of it)', '(all of it)'],
])('%s in a list of sentences', (text, short) => {
  expect(brief(text)).toBe(short)
})
