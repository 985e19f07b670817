/** What is wrong with a layer's landmarks. */
import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { landmarkFaults, withLandmarks } from '../../../../image/estargz/format/landmarks.ts'
import {
  LANDMARK_CONTENT,
  NO_PREFETCH_LANDMARK,
  PREFETCH_LANDMARK,
  type TocEntry,
} from '../../../../image/estargz/format/toc.ts'

const landmark = (name: string, rest: Partial<TocEntry> = {}): TocEntry => ({
  name,
  type: 'reg',
  size: 1,
  digest: digestOf(LANDMARK_CONTENT),
  ...rest,
})
const file = (name: string, offset: number, rest: Partial<TocEntry> = {}): TocEntry => ({
  name,
  type: 'reg',
  size: 5,
  offset,
  ...rest,
})
const faultsOf = (...toc: TocEntry[]) => landmarkFaults(withLandmarks({ toc, tocOffset: 1000 }))

test('one landmark in its place has no fault', () => {
  expect(faultsOf(file('a', 0), landmark(PREFETCH_LANDMARK, { offset: 100 }), file('b', 200))).toEqual([])
  expect(faultsOf(landmark(NO_PREFETCH_LANDMARK), file('a', 100))).toEqual([])
})

test('none is no fault', () => expect(faultsOf(file('a', 0))).toEqual([]))

const wrong: [string, TocEntry[], RegExp][] = [
  ['two', [landmark(NO_PREFETCH_LANDMARK), landmark(PREFETCH_LANDMARK, { offset: 100 })], /2 landmarks/],
  ['other content', [landmark(NO_PREFETCH_LANDMARK, { digest: digestOf('x') })], /not a file of one byte/],
  ['too late', [file('a', 0), landmark(NO_PREFETCH_LANDMARK, { offset: 100 })], /is entry 1, not the first/],
  ['too early', [landmark(PREFETCH_LANDMARK), file('a', 100)], /nothing before it/],
  [
    'in a shared member',
    [file('a', 0), landmark(PREFETCH_LANDMARK, { innerOffset: 512 })],
    /shares its gzip/,
  ],
]
test.each(wrong)('a landmark that is wrong is named: %s', (_, toc, message) => {
  expect(faultsOf(...toc).join('; ')).toMatch(message)
})
