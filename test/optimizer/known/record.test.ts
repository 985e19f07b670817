/** What is too much to be kept of a layer is not kept, and nothing fails for it. */
import { expect, test } from 'vitest'
import { type KnownEntry, packEntries, unpackEntries } from '../../../optimizer/known/record.ts'

const entry = (path: string, rest: Partial<KnownEntry> = {}): KnownEntry => ({
  path,
  type: 'reg',
  size: 0,
  linkPath: undefined,
  digest: undefined,
  stored: [],
  ...rest,
})
const many = (count: number, each: (number: number) => KnownEntry): KnownEntry[] =>
  Array.from({ length: count }, (_, number) => each(number))

test('entries are kept as they are, whatever their names', async () => {
  const entries = [
    entry('a\n\u0001', { size: 5, digest: 'sha256:1', stored: [3, 4] }),
    entry('\u00ff\u0000é', { type: 'hardlink', linkPath: 'a\n\u0001' }),
  ]
  const record = await packEntries(entries)
  expect(record && (await unpackEntries(record))).toEqual(entries)
})

const long = 'long/'.repeat(800)
test.each([
  ['entries', () => many(300_001, (number) => entry(`${number}`))],
  ['text in paths', () => many(140_000, (number) => entry(`${long}${number}`))],
  ['text in links', () => many(140_000, (number) => entry(`${number}`, { linkPath: long }))],
])('too much %s is not kept', async (_, entries) => {
  expect(await packEntries(entries())).toBeUndefined()
})
