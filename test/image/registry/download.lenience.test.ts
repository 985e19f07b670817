/** Ranges as servers answer them: what Go's clients accept is accepted, and a wrong range is refused. */
import { expect, test } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import { readBounded } from '../../../system/files/read-bounded.ts'
import { type Answer, type Asked, startLooseRegistry } from '../../support/loose-registry.ts'
import { type Alter, isBlob, push, tells, without } from './loose-trial.ts'

/** At most 1,000 bytes of a range at once. */
const short = (answer: Answer): Answer => {
  const [, first = 0, last = 0, size = 0] =
    /^bytes (\d+)-(\d+)\/(\d+)$/.exec(String(answer.headers?.['content-range']))?.map(Number) ?? []
  if (answer.status !== 206 || last - first < 1000) return answer
  const body = Buffer.from(answer.body ?? '').subarray(0, 1000)
  const headers = { 'content-range': `bytes ${first}-${first + 999}/${size}`, 'content-length': '1000' }
  return { ...answer, headers, body }
}

const ranges: [string, (answer: Answer) => Answer][] = [
  ['the whole', (answer) => answer],
  ['a part of what was asked for', short],
  ['without Content-Range', without('content-range')],
  [
    'of an unknown size',
    (answer) => ({
      ...answer,
      headers: {
        ...answer.headers,
        'content-range': String(answer.headers?.['content-range']).replace(/\d+$/, '*'),
      },
    }),
  ],
]

async function readRange(alter: Alter, [start, end]: [number, number]): Promise<[Buffer, Buffer]> {
  await using registry = await startLooseRegistry(alter)
  await push(registry.host)
  await using source = await openSource(`docker://${registry.host}/app:v1`)
  const layer = (await source.image()).layers[1]
  if (!layer) throw new Error('no layer')
  const bytes = await readBounded(await layer.open({ start, end }), 1 << 20, 'range')
  return [bytes, registry.blobs.get(layer.descriptor.digest)?.subarray(start, end) ?? Buffer.alloc(0)]
}

test.each(ranges)('a range: %s', async (kind, change) => {
  const alter: Alter = (asked, answer) =>
    kind === 'the whole' && isBlob(asked)
      ? answer0(asked, answer)
      : tells('GET', (one) => isBlob(one) && one.headers.range !== undefined, change)(asked, answer)
  const answer0 = (asked: Asked, answer: () => Answer): Answer => {
    delete asked.headers.range
    return answer()
  }
  const [bytes, expected] = await readRange(alter, [50, 5050])
  expect(bytes).toEqual(expected)
})

const oddRanges: [string, (answer: Answer) => Answer, RegExp][] = [
  ['416', () => ({ status: 416 }), /answered 416 to GET/],
  [
    'another range',
    (answer) => ({ ...answer, headers: { 'content-range': 'bytes 60-5059/9999999' } }),
    /sent the wrong range/,
  ],
  [
    'more than the range',
    (answer) => ({ ...answer, headers: { 'content-range': 'bytes 50-9999/9999999' } }),
    /sent the wrong range/,
  ],
  [
    'no range, and another length',
    (answer) => ({ ...answer, headers: {}, body: Buffer.alloc(10) }),
    /sent the wrong range/,
  ],
  ['nothing at all', (answer) => ({ ...answer, headers: {}, body: '' }), /sent the wrong range/],
]

test.each(oddRanges)('a range answered with %s is refused', async (_, change, why) => {
  const alter = tells('GET', (one) => isBlob(one) && one.headers.range !== undefined, change)
  await expect(readRange(alter, [50, 5050])).rejects.toThrow(why)
})
