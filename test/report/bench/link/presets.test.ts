/** The links to choose from. */
import { expect, test } from 'vitest'
import { chooseLink } from '../../../../report/bench/link/presets.ts'

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
