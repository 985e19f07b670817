/** What containers/storage compares is said as Go's reader says it. */
import { expect, test } from 'vitest'
import { encodeHeader, NOBODY } from '../../../image/tar/encode.ts'
import { rawFactsOf } from '../../../image/tar/raw-facts.ts'
import { TarScanner } from '../../../image/tar/scan.ts'

function factsOf(header: Buffer) {
  for (const event of new TarScanner().push(header))
    if (event.kind === 'entry') return rawFactsOf(event.entry.header, event.entry)
  return undefined
}

const plain = { ...NOBODY, name: 'f', size: 0, mode: 0o644, flag: '0' }

test('a mode keeps the bits of the type that some writers put there', () => {
  expect(factsOf(encodeHeader({ ...plain, mode: 0o100644 }, []))?.mode).toBe(0o100644)
})

test.each([
  ['1700000000.123456789', '2023-11-14T22:13:20.123456789Z'],
  ['1700000000.5', '2023-11-14T22:13:20.5Z'],
  ['1700000000', '2023-11-14T22:13:20Z'],
  ['-1.25', '1969-12-31T23:59:58.75Z'],
  ['0', undefined],
])('the time %s of a record is exact', (text, time) => {
  const records = ['mtime', 'atime', 'ctime'].map((key) => [key, text] as const)
  const { mtime, atime, ctime } = factsOf(encodeHeader(plain, records)) ?? {}
  expect([mtime, atime, ctime]).toEqual([time, time, time])
})

test('a header without records has its own time, in seconds', () => {
  const facts = factsOf(encodeHeader({ ...plain, mtime: 1_700_000_000 }, []))
  expect([facts?.mtime, facts?.atime, facts?.ctime]).toEqual(['2023-11-14T22:13:20Z', undefined, undefined])
})
