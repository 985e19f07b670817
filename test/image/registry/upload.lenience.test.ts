/** Uploads to registries that take the liberties that Go's clients accept: one row for each, and the image is complete in the end. */
import { expect, test } from 'vitest'
import { openTarget } from '../../../image/targets.ts'
import { type Answer, startLooseRegistry } from '../../support/loose-registry.ts'
import {
  type Alter,
  copy,
  expectWhole,
  isBlob,
  isManifest,
  isUpload,
  located,
  push,
  redirecting,
  sample,
  says,
  tells,
  without,
  withStatus,
} from './loose-trial.ts'

const pushes: [string, Alter][] = [
  ...[400, 403, 405, 410, 501].map((status): [string, Alter] => [
    `HEAD of a blob ${status}`,
    says('HEAD', isBlob, status),
  ]),
  ...[400, 403, 405, 501].map((status): [string, Alter] => [
    `HEAD of a manifest ${status}`,
    says('HEAD', isManifest, status),
  ]),
  ['HEAD of a blob without length', tells('HEAD', isBlob, without('content-length'))],
  ...[200, 201].map((status): [string, Alter] => [
    `POST ${status}`,
    tells('POST', isUpload, withStatus(status)),
  ]),
  ...[200, 201, 204].map((status): [string, Alter] => [
    `PATCH ${status}`,
    tells('PATCH', isUpload, withStatus(status)),
  ]),
  ['PATCH without Location', tells('PATCH', isUpload, without('location'))],
  ...[200, 202, 204].map((status): [string, Alter] => [
    `PUT of a blob ${status}`,
    tells('PUT', isUpload, withStatus(status)),
  ]),
  ...[200, 202, 204].map((status): [string, Alter] => [
    `PUT of a manifest ${status}`,
    tells('PUT', isManifest, withStatus(status)),
  ]),
  [
    'PUT of a manifest 204 without a digest',
    tells('PUT', isManifest, (answer) => withStatus(204)(without('docker-content-digest')(answer))),
  ],
  ['PUT of a manifest without a digest', tells('PUT', isManifest, without('docker-content-digest'))],
  [
    'Location relative to the request',
    tells(
      'POST',
      isUpload,
      located((text) => text.slice(text.lastIndexOf('/') + 1)),
    ),
  ],
  [
    'Location with a query',
    tells(
      'POST',
      isUpload,
      located((text) => `${text}?_state=a%2Bb%3D&x=`),
    ),
  ],
  ...['HEAD', 'POST', 'PATCH', 'PUT'].flatMap((method) =>
    [307, 308].map((status): [string, Alter] => [
      `${method} led on by ${status}`,
      redirecting(status, method),
    ]),
  ),
]

test.each(pushes)('push: %s', async (_, alter) => {
  await using registry = await startLooseRegistry(alter)
  expect(await push(registry.host)).toBe(sample.digest)
  expectWhole(registry)
})

const unknown = { status: 404 }
const mounts: [string, (answer: Answer) => Answer][] = [400, 401, 403, 404, 405, 500].map((status) => [
  `${status}`,
  () => ({ status, headers: { 'retry-after': '0' } }),
])

test.each(mounts)('a mount that is answered %s is an upload', async (_, change) => {
  await using registry = await startLooseRegistry((asked, answer) => {
    if (asked.method === 'HEAD' && asked.path.startsWith('/v2/second/blobs/')) return unknown
    return asked.path.includes('mount=') ? change(answer()) : answer()
  })
  await push(registry.host, 'first')
  const target = await openTarget(`docker://${registry.host}/second:v1`)
  expect(await copy(`docker://${registry.host}/first:v1`, target)).toBe(sample.digest)
  expectWhole(registry, 'second')
  const begun = registry.asked.filter((asked) => asked.method === 'POST' && asked.path.includes('second'))
  expect(begun.some(({ path }) => path.includes('mount='))).toBe(true)
  expect(begun.some(({ path }) => !path.includes('mount='))).toBe(true)
})

const states: [string, (answer: Answer) => Answer][] = [
  ...[400, 403, 404, 405, 416, 500, 501].map((status): [string, (answer: Answer) => Answer] => [
    `${status}`,
    () => ({ status, headers: { 'retry-after': '0' } }),
  ]),
  ['204 without Range', without('range')],
  ['200 without Location', (answer) => withStatus(200)(without('location')(answer))],
  ['more than there is', (answer) => ({ ...answer, headers: { ...answer.headers, range: '0-99999999999' } })],
]

test.each(states)('an upload that was cut, its state answered by %s', async (_, change) => {
  let cuts = 0
  await using registry = await startLooseRegistry((asked, answer) => {
    if (asked.method === 'PATCH' && asked.headers['content-range']?.startsWith('100000-') && ++cuts < 3)
      return 'cut'
    return asked.method === 'GET' && isUpload(asked) ? change(answer()) : answer()
  })
  expect(await push(registry.host, 'app', 100_000)).toBe(sample.digest)
  expect(cuts).toBeGreaterThanOrEqual(2)
  expectWhole(registry)
})

test('an upload that was cut, and whose bytes turn out not to be the blob’s, is sent again', async () => {
  let cutAt = ''
  let refused = 0
  await using registry = await startLooseRegistry((asked, answer) => {
    if (asked.method === 'PATCH' && asked.headers['content-range']?.startsWith('100000-') && cutAt === '') {
      cutAt = asked.path.replace(/\?.*/, '')
      return 'cut'
    }
    // What the cut request had sent arrived late, behind the bytes that were sent again.
    if (asked.method === 'PUT' && cutAt !== '' && asked.path.startsWith(cutAt) && refused++ === 0)
      return { status: 400 }
    return answer()
  })
  expect(await push(registry.host, 'app', 100_000)).toBe(sample.digest)
  expect(refused).toBe(1)
  expectWhole(registry)
})

test('push: an upload whose end is refused, asked for again while the registry is still at it, starts over', async () => {
  let first = ''
  const answers: ('cut' | Answer)[] = ['cut', { status: 400 }]
  await using registry = await startLooseRegistry((asked, answer) => {
    if (asked.method !== 'PUT' || !isUpload(asked)) return answer()
    first ||= asked.path
    return (asked.path === first ? answers.shift() : undefined) ?? answer()
  })
  await push(registry.host)
  expect(answers).toEqual([])
  expectWhole(registry)
})

test('push: an upload whose end is refused at once does not', async () => {
  await using registry = await startLooseRegistry(says('PUT', isUpload, 400))
  await expect(push(registry.host)).rejects.toThrow(/answered 400 to PUT/)
  const blobs = 3
  expect(registry.asked.filter(({ method }) => method === 'POST').length).toBeLessThanOrEqual(blobs)
})
