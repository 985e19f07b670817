/** Entries of the table of contents: what is 0 or empty is left out. */
import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { landmarkEntry } from '../../../../image/estargz/write/landmark.ts'
import { tocEntriesOf } from '../../../../image/estargz/write/toc.ts'
import type { EntryFacts } from '../../../../image/tar/entry.ts'

const digest = digestOf('x')
const entry = (facts: Partial<EntryFacts>): EntryFacts => ({ ...landmarkEntry(true).facts, ...facts })
/** As JSON, which knows no undefined. */
const written = (...parameters: Parameters<typeof tocEntriesOf>): unknown =>
  JSON.parse(JSON.stringify(tocEntriesOf(...parameters)))

test('a directory says its name, mode and time', () => {
  const folder = entry({ name: 'd/', type: 'dir', size: 0, mode: 0o755, mtime: 1.9 })
  expect(written(folder, [], undefined)).toEqual([
    { name: 'd/', type: 'dir', mode: 0o755, modtime: '1970-01-01T00:00:01Z' },
  ])
})

test('a file of several chunks has an entry for each; the last says no size', () => {
  const chunks = [
    { offset: 0, innerOffset: 0, fileOffset: 0, size: 4, digest },
    { offset: 50, innerOffset: 0, fileOffset: 4, size: 4, digest },
    { offset: 90, innerOffset: 512, fileOffset: 8, size: 2, digest },
  ]
  const file = entry({ name: 'f', size: 10, mode: 0, uid: 5, uname: 'five' })
  expect(written(file, chunks, digest)).toEqual([
    { name: 'f', type: 'reg', size: 10, uid: 5, userName: 'five', chunkSize: 4, chunkDigest: digest, digest },
    { name: 'f', type: 'chunk', offset: 50, chunkOffset: 4, chunkSize: 4, chunkDigest: digest },
    { name: 'f', type: 'chunk', offset: 90, innerOffset: 512, chunkOffset: 8, chunkDigest: digest },
  ])
})

test('values of extended attributes are bytes, in base64', () => {
  const file = entry({ name: 'f', size: 0, mode: 0, xattrs: new Map([['user.k', Buffer.from([0, 255])]]) })
  expect(written(file, [], digest)).toEqual([
    { name: 'f', type: 'reg', xattrs: { 'user.k': 'AP8=' }, digest },
  ])
})

test('a year that RFC 3339 can’t write is left out', () => {
  const file = entry({ name: 'f', size: 0, mode: 0, mtime: 2 ** 40 })
  expect(written(file, [], undefined)).toEqual([{ name: 'f', type: 'reg' }])
})
