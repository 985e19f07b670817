/** How much of a part of a blob are copies of what carriers hold: enough for what is there, and never what is only claimed. */
import { expect, test } from 'vitest'
import { contentsOf } from '../../../image/estargz/format/entries.ts'
import type { TocEntry } from '../../../image/estargz/format/toc.ts'
import { Copies } from '../../../optimizer/spool/copies.ts'

const split = (name: string, offset: number, carriers: readonly number[], size: number): TocEntry[] => [
  { name, type: 'reg', size: size * carriers.length, offset, chunkOffset: -1, chunkSize: 1 },
  ...carriers.map(
    (at, index): TocEntry => ({
      name,
      type: 'chunk',
      offset: at,
      chunkOffset: index * size,
      chunkSize: size,
    }),
  ),
]
const copiesOf = (toc: readonly TocEntry[]) => new Copies(contentsOf(toc, 10_000).entries)

test('files that reach into a part are counted, others are not', () => {
  const toc = [
    ...split('a', 1000, [16, 100], 7),
    { name: 'b', type: 'reg', size: 5, offset: 2000 } as const,
    ...split('c', 3000, [200], 9),
  ]
  const copies = copiesOf(toc)
  expect(copies.isEmpty).toBe(false)
  expect([
    copies.bytesIn(0, 1000),
    copies.bytesIn(1000, 1500),
    copies.bytesIn(1500, 3001),
    copies.bytesIn(3001, 9000),
  ]).toEqual([0, 14, 23, 9])
  expect(copiesOf([{ name: 'b', type: 'reg', size: 5, offset: 2000 }]).isEmpty).toBe(true)
})

test('a table of contents that claims terabytes gets a gigabyte', () => {
  const carriers = Array.from({ length: 20 }, (_, index) => 16 + 30 * index)
  expect(copiesOf(split('a', 5000, carriers, 1 << 30)).bytesIn(0, 10_000)).toBe(1 << 30)
})
