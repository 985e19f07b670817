/** Which source of a field wins, and which numbers are refused. */
import { expect, test } from 'vitest'
import type { HeaderBlock } from '../../../image/tar/header.ts'
import { entryOf, type HeaderParts, paxRealSize, sizeOf } from '../../../image/tar/metadata.ts'

const header: HeaderBlock = {
  name: 'short',
  mode: 0o104755,
  uid: 1,
  gid: 2,
  size: 10,
  mtime: 3,
  flag: '0',
  linkName: 'to',
  uname: 'u',
  gname: 'g',
  devMajor: 8,
  devMinor: 1,
  isGnu: false,
}

function entry(
  fields: Partial<HeaderBlock>,
  pax: Record<string, string> = {},
  rest: Partial<HeaderParts> = {},
) {
  const parts = { name: undefined, linkName: undefined, blocks: [], sparseSize: undefined }
  const records = new Map(Object.entries(pax))
  return entryOf(
    { ...parts, header: { ...header, ...fields }, pax: records, ...rest },
    'entry 1',
    (name) => name,
  )
}

test('a record wins over the header, an empty one does not, and GNU’s long name wins over both', () => {
  expect(entry({}, { path: 'long', uid: '70000', mtime: '1.5', uname: 'v' })).toMatchObject({
    path: 'long',
    uid: 70000,
    gid: 2,
    mtime: 1.5,
    uname: 'v',
    mode: 0o4755,
  })
  expect(entry({}, { path: '', uid: '' })).toMatchObject({ path: 'short', uid: 1 })
  expect(entry({}, { path: 'long' }, { name: 'longest' }).path).toBe('longest')
})

test('a type has only what belongs to it', () => {
  expect(entry({})).toMatchObject({ type: 'reg', size: 10, linkName: '', devMajor: 0, standsAlone: true })
  expect(entry({ flag: '1' })).toMatchObject({
    type: 'hardlink',
    size: 0,
    linkPath: 'to',
    standsAlone: false,
  })
  expect(entry({ flag: '2' })).toMatchObject({ type: 'symlink', linkName: 'to', linkPath: undefined })
  expect(entry({ flag: '4', size: 0 })).toMatchObject({ type: 'block', devMajor: 8, devMinor: 1 })
  expect(entry({ flag: '\0', name: 'old/' }).type).toBe('dir')
  expect(() => entry({ flag: 'V' })).toThrow(/entry 1 has the type "V", which no runtime unpacks/)
})

test('a sparse file has its real name and size, and can’t be moved', () => {
  const records = { 'GNU.sparse.name': 'real', path: 'GNUSparseFile.0/real' }
  expect(entry({}, records, { sparseSize: 4096 })).toMatchObject({
    path: 'real',
    size: 4096,
    standsAlone: false,
  })
  expect(entry({}, records).path).toBe('GNUSparseFile.0/real')
})

test('extended attributes are bytes; a record that names none is none', () => {
  const { xattrs } = entry({}, { 'SCHILY.xattr.user.a': 'x\xff\0', 'SCHILY.xattr.': 'y' })
  expect([...xattrs]).toEqual([['user.a', Buffer.from([0x78, 0xff, 0])]])
})

test.each([
  ['size', '-1'],
  ['size', '9007199254740993'],
  ['size', '1e3'],
  ['uid', '1.5'],
  ['mtime', 'now'],
])('the record %s=%s is refused', (key, value) => {
  expect(() => entry({}, { [key]: value })).toThrow(new RegExp(`entry 1 has the ${key} `))
})

test('sizes: stored, and with holes, in the older and the newer form', () => {
  expect(sizeOf(header, new Map([['size', '70']]), 'x')).toBe(70)
  expect(paxRealSize(new Map([['GNU.sparse.realsize', '9']]), 5, 'x')).toBe(9)
  expect(paxRealSize(new Map([['GNU.sparse.size', '8']]), 5, 'x')).toBe(8)
  expect(paxRealSize(new Map(), 5, 'x')).toBe(5)
  expect(() => paxRealSize(new Map([['GNU.sparse.size', '-8']]), 5, 'x')).toThrow(/sparse but has no size/)
})
