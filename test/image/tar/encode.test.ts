/** Headers that are written here, read back. */
import { expect, test } from 'vitest'
import { encodeHeader, NOBODY } from '../../../image/tar/encode.ts'
import { TarScanner } from '../../../image/tar/scan.ts'

test('a header of ours carries what ustar cannot say', async () => {
  const fields = {
    ...NOBODY,
    mode: 0o644,
    name: `n/${'é'.repeat(80)}`,
    size: 2 ** 34,
    uid: 4_000_000_000,
    gid: 1,
    mtime: -1.5,
    flag: '0',
    uname: 'u'.repeat(40),
  }
  const scanner = new TarScanner()
  const [event] = [
    ...scanner.push(encodeHeader({ ...fields, name: Buffer.from(fields.name).toString('latin1') }, [])),
  ]
  expect(event).toMatchObject({
    entry: {
      size: 2 ** 34,
      uid: 4_000_000_000,
      gid: 1,
      mtime: -1.5,
      uname: 'u'.repeat(40),
      name: Buffer.from(fields.name).toString('latin1'),
    },
  })
})
