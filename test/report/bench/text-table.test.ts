/** Columns of text. */
import { expect, test } from 'vitest'
import { textTable } from '../../../report/bench/text-table.ts'

test('words are aligned to the left, numbers to the right, and no line ends in spaces', () => {
  const rows = [
    ['legacy', '12', 'ok'],
    ['lazy', '3', ''],
  ]
  expect(textTable(['arm', 'n', 'result'], rows, [0, 2])).toEqual([
    'arm      n  result',
    'legacy  12  ok',
    'lazy     3',
  ])
})

test('a cell can neither end its line nor move the cursor', () => {
  expect(textTable(['arm'], [['a\nb\u001b[2J']])).toEqual(['arm', 'a\\nb\\u001b[2J'])
})
