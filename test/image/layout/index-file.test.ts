/** The index of a layout: which image is meant, and what becomes of the others when one is written. */
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import {
  checkLayoutVersion,
  indexWith,
  parseLayoutIndex,
  selectFromIndex,
} from '../../../image/layout/index-file.ts'

const mediaType = 'application/vnd.oci.image.manifest.v1+json'
const entry = (tag?: string, more = {}) => ({
  mediaType,
  size: 2,
  digest: digestOf(Buffer.from(`${tag}`)),
  ...more,
  ...(tag !== undefined && { annotations: { 'org.opencontainers.image.ref.name': tag } }),
})
const indexOf = (...manifests: unknown[]) =>
  parseLayoutIndex(Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })), 'oci:x')
const select = (index: ReturnType<typeof indexOf>, tag?: string) =>
  selectFromIndex(index, { tag, digest: undefined }, 'oci:x').digest

test('by its tag, or the only one', () => {
  const two = indexOf(entry('a'), entry('b'))
  expect(select(two, 'b')).toBe(entry('b').digest)
  expect(select(indexOf(entry('a')))).toBe(entry('a').digest)
  expect(() => select(two)).toThrow(/oci:x holds 2 images; say which/)
  expect(() => select(two, 'c')).toThrow(expect.objectContaining({ hint: 'It has the tags a, b' }))
})

test('what is attached to an image is not taken for one', () => {
  expect(select(indexOf(entry('a'), entry(undefined, { artifactType: 'application/x' })))).toBe(
    entry('a').digest,
  )
})

test('an image takes its tag from what had it, and leaves all else as it was', () => {
  const index = indexOf(entry('a', { unknown: 1 }), entry('b'))
  const placed = new Map([['b', { mediaType, size: 2, digest: digestOf(Buffer.from('new')) }]])
  const { manifests } = indexWith(index, { placed })
  expect(manifests[0]).toMatchObject({ unknown: 1 })
  expect(manifests.slice(1)).toEqual([{ ...entry('b'), digest: digestOf(Buffer.from('new')) }])
})

test('what is attached stands there once, and under no tag, whatever it says of itself', () => {
  const [image, artifact] = [entry('a'), { ...entry('a'), digest: digestOf(Buffer.from('artifact')) }]
  const referrer = { ...artifact, artifactType: 'application/x' }
  const once = indexWith(indexOf(image), { attached: [referrer, referrer] })
  expect(once.manifests).toEqual([image, { ...referrer, annotations: {} }])
  expect(indexWith(indexOf(...once.manifests), { attached: [referrer] })).toEqual(once)
  expect(select(indexOf(...once.manifests), 'a')).toBe(image.digest)
})

test('another major version is refused', () => {
  const check = (imageLayoutVersion: string) =>
    checkLayoutVersion(Buffer.from(JSON.stringify({ imageLayoutVersion })), 'oci:x')
  check('1.2.0')
  expect(() => check('2.0.0')).toThrow(/only 1\.x is supported/)
})
