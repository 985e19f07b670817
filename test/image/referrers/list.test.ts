/** Lists of referrers: read, bounded, and one added without touching the rest. */
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../../image/media-types.ts'
import {
  checkCount,
  entriesOf,
  isListed,
  MAX_REFERRERS,
  NO_REFERRERS,
  parseReferrerList,
  referrerIn,
  withReferrer,
} from '../../../image/referrers/list.ts'

const descriptor = { mediaType: OCI_MANIFEST, digest: digestOf('a'), size: 1 }
const subject = { mediaType: OCI_MANIFEST, digest: digestOf('subject'), size: 7 }
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value))
const listOf = (value: unknown) => parseReferrerList(bytesOf(value), 'of x')

test('one more is listed; what others wrote stays', () => {
  const list = listOf({ schemaVersion: 2, theirs: 1, manifests: [{ ...descriptor, extra: 'kept' }] })
  const next = withReferrer(list, { ...descriptor, digest: digestOf('b'), artifactType: 't' })
  expect(next).toMatchObject({
    theirs: 1,
    mediaType: OCI_INDEX,
    manifests: [{ extra: 'kept' }, { artifactType: 't' }],
  })
  expect([isListed(next, digestOf('b')), isListed(list, digestOf('b'))]).toEqual([true, false])
  expect(entriesOf(next, 'of x').map(({ digest }) => digest)).toEqual([digestOf('a'), digestOf('b')])
})

test('a list without entries is empty', () => {
  expect(entriesOf(listOf({ schemaVersion: 2, manifests: null }), 'of x')).toEqual([])
  expect(isListed(NO_REFERRERS, digestOf('a'))).toBe(false)
})

test.each<[string, unknown]>([
  ['of another version', { schemaVersion: 1, manifests: [] }],
  ['with too many entries', { schemaVersion: 2, manifests: Array(MAX_REFERRERS + 1).fill({ digest: 'd' }) }],
  ['that is none', []],
])('a list %s is refused', (_, value) => {
  expect(() => listOf(value)).toThrow(/^the list of referrers of x/)
})

test('an entry that is not a descriptor is refused', () => {
  const list = listOf({ schemaVersion: 2, manifests: [{ digest: 'sha256:short' }] })
  expect(() => entriesOf(list, 'of x')).toThrow(expect.objectContaining({ code: 'E_ARTIFACT' }))
})

test.each([
  [{ artifactType: 'own', config: { mediaType: 'config' } }, 'own'],
  [{ artifactType: '', config: { mediaType: 'config' } }, 'config'],
  [{}, undefined],
])('the type of %j is %s', (facts, type) => {
  const manifest = { schemaVersion: 2, subject, annotations: { note: 'n' }, ...facts }
  const { referrer, ...rest } = referrerIn(bytesOf(manifest), { ...descriptor, urls: ['u'] }) ?? {}
  expect(rest).toEqual({ subject })
  expect(referrer).toEqual({ ...descriptor, annotations: { note: 'n' }, ...(type && { artifactType: type }) })
})

test('what names no subject is no referrer', () => {
  expect(referrerIn(bytesOf({ schemaVersion: 2 }), descriptor)).toBeUndefined()
})

test('too many in all pages together are refused', () => {
  checkCount(MAX_REFERRERS, 'x')
  expect(() => checkCount(MAX_REFERRERS + 1, 'x')).toThrow(/more than 10000 artifacts are attached to x/)
})
