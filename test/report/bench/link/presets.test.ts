/** The links to choose from. */
import { expect, test } from 'vitest'
import { chooseLink, linkText } from '../../../../report/bench/link/presets.ts'

test('a preset can be changed by hand, and a wrong one is refused', () => {
  expect(chooseLink('wan')).toEqual({ name: 'wan', bitsPerSecond: 100_000_000, roundTripMs: 10 })
  expect(chooseLink('wan', { roundTripMs: 30 })).toEqual({
    name: 'custom',
    bitsPerSecond: 100_000_000,
    roundTripMs: 30,
  })
  expect(() => chooseLink('dsl')).toThrow(/no link named "dsl"/)
  expect(() => chooseLink('wan', { bitsPerSecond: 0 })).toThrow(/above 0/)
  expect(() => chooseLink('toString')).toThrow(/no link/)
})

test.each([
  ['lan', {}, 'lan (1 Gbit/s, 1 ms round trip)'],
  ['wan', {}, 'wan (100 Mbit/s, 10 ms round trip)'],
  ['none', {}, 'none (not shaped)'],
  ['wan', { bitsPerSecond: 50_000_000 }, '50 Mbit/s, 10 ms round trip'],
  ['none', { roundTripMs: 20 }, '20 ms round trip'],
])('a link is printed as it was given: %s %o', (name, changes, text) => {
  expect(linkText(chooseLink(name, changes))).toBe(text)
})
