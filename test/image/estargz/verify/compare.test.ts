/** Entries of a tar against those of the table of contents. */
import { expect, test } from 'vitest'
import type { EstargzEntry } from '../../../../image/estargz/format/entry.ts'
import { differencesOf } from '../../../../image/estargz/verify/compare.ts'
import { landmarkEntry } from '../../../../image/estargz/write/landmark.ts'
import type { TarEntry } from '../../../../image/tar/entry.ts'

const { facts } = landmarkEntry(true)
const differences = (inTar: Partial<TarEntry>, inToc: Partial<EstargzEntry>): string[] =>
  differencesOf(
    { ...facts, header: Buffer.alloc(0), pax: new Map(), standsAlone: true, ...inTar },
    { ...facts, digest: undefined, chunks: [], ahead: [], ...inToc },
  )

test('the same entry has no differences', () => {
  expect(differences({}, {})).toEqual([])
})

test('each field that differs is named, with both values', () => {
  expect(differences({ mode: 0o755, uid: 1 }, { mode: 0o644, uid: 2 })).toEqual([
    'mode is "644", but the tar says "755"',
    'owner is 2, but the tar says 1',
  ])
})

test('a fraction of a second may be cut off or rounded', () => {
  for (const mtime of [1, 2]) expect(differences({ mtime: 1.6 }, { mtime })).toEqual([])
  expect(differences({ mtime: 1.6 }, { mtime: 3 })).toHaveLength(1)
})

test('a time that RFC 3339 can’t write is not compared', () => {
  expect(differences({ mtime: 2 ** 40 }, { mtime: 0 })).toEqual([])
})

test('a name that the tar leaves out is not compared', () => {
  expect(differences({ uname: '' }, { uname: 'root' })).toEqual([])
  expect(differences({ uname: 'web' }, { uname: 'root' })).toHaveLength(1)
})

test('extended attributes are compared both ways', () => {
  const xattrs = (value: string) => new Map([['user.k', Buffer.from(value)]])
  expect(differences({ xattrs: xattrs('a') }, { xattrs: xattrs('b') })).toEqual([
    'the xattr user.k is missing or differs',
  ])
  expect(differences({}, { xattrs: xattrs('b') })).toEqual(['the tar has no xattr user.k'])
})
