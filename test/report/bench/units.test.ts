/** Numbers for terminals and pull requests. */
import { expect, test } from 'vitest'
import { chooseLink } from '../../../report/bench/link/presets.ts'
import { linkText } from '../../../report/bench/units.ts'

test.each([
  ['lan', {}, 'lan (1 Gbit/s, 1 ms round trip)'],
  ['wan', {}, 'wan (100 Mbit/s, 10 ms round trip)'],
  ['none', {}, 'none (not shaped)'],
  ['wan', { bitsPerSecond: 50_000_000 }, '50 Mbit/s, 10 ms round trip'],
  ['none', { roundTripMs: 20 }, '20 ms round trip'],
])('a link is printed as it was given: %s %o', (name, changes, text) => {
  expect(linkText(chooseLink(name, changes))).toBe(text)
})
