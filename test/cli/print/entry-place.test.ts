/** Where a file of a layer lies, in words. */
import { expect, test } from 'vitest'
import { placeText } from '../../../cli/print/entry-place.ts'

test('ranges ahead are counted and summed up, and the first few named', () => {
  const ahead = [0, 1, 2, 3].map((place): [number, number] => [place * 5000, place * 5000 + 1000])
  expect(placeText({ inZone: false, ahead })).toBe('4 ranges ahead, 4.0 kB: 0-1000 5000-6000 10000-11000 …')
  expect(placeText({ inZone: false, ahead: ahead.slice(0, 1) })).toBe('1 range ahead, 1.0 kB: 0-1000')
})

test('a file is in the zone, or nowhere in particular', () => {
  expect(placeText({ inZone: true })).toBe('zone')
  expect(placeText({ inZone: false })).toBe('')
})
