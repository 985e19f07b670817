/** What a tar claims to hold is refused before it is read. */
import { expect, test } from 'vitest'
import { TarCounts } from '../../../image/tar/counts.ts'

test('files of 16 TiB together are the most', () => {
  const counts = new TarCounts()
  counts.add({ size: 2 ** 44 - 1 }, '"a"')
  counts.add({ size: 1 }, '"b"')
  expect(() => counts.add({ size: 1 }, '"c"')).toThrow(/"c" claims 1 bytes, which makes 17592186044417/)
})

test('entries without content count, too', () => {
  const counts = new TarCounts()
  const addMany = () => {
    for (let added = 0; added <= 2 ** 23; added++) counts.add({ size: 0 }, '"a"')
  }
  expect(addMany).toThrow(/more than 8388608 entries/)
})
