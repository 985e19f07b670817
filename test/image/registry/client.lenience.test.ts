/** What Go's clients live with in a registry is lived with here: one row for each liberty, and the image is right in the end. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { copyImage } from '../../../image/copy.ts'
import { readBounded } from '../../../image/digest.ts'
import { parseReference } from '../../../image/reference.ts'
import { registryTarget } from '../../../image/registry/target.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { ImageTarget } from '../../../image/types.ts'
import { writeImage } from '../../support/images.ts'
import { dir, file } from '../../support/tar.ts'
import { type Answer, type Asked, type LooseRegistry, startLooseRegistry } from './loose-registry.ts'

let folder: string
let original: string
let digest: string
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-lenience-'))
  vi.stubEnv('DOCKER_CONFIG', folder) // where nobody logged in
  original = await writeImage(join(folder, 'original'), {
    layers: [[dir('etc/'), file('etc/name', 'x')], [file('big', randomBytes(300_000))]],
  })
  digest = await copy(original, await openTarget(`oci:${folder}/copy`))
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

async function copy(from: string, opened: ImageTarget) {
  await using target = opened
  await using source = await openSource(from)
  await target.prepare({ force: false })
  return (await copyImage(await source.image(), target)).digest
}

type Alter = (asked: Asked, answer: () => Answer) => Answer | 'cut'

const push = async (host: string, name = 'app', chunkBytes?: number) =>
  copy(original, await registryTarget(parseReference(`${host}/${name}:v1`), { chunkBytes }))
const pull = async (host: string, name = 'app') =>
  copy(`docker://${host}/${name}:v1`, await openTarget(`oci:${folder}/pull-${++count}`))

/** The registry has the image, in the bytes that were sent. */
function expectWhole(registry: LooseRegistry, name = 'app') {
  expect(registry.manifests.has(`${name}/${digest}`)).toBe(true)
  expect(registry.blobs.size).toBe(3)
}

const isBlob = ({ path }: Asked) => /\/blobs\/sha256:/.test(path)
const isManifest = ({ path }: Asked) => path.includes('/manifests/')
const isUpload = ({ path }: Asked) => path.includes('/uploads/')

/** Answers `status`, to requests of this method and kind alone. */
const says =
  (method: string, is: (asked: Asked) => boolean, status: number): Alter =>
  (asked, answer) =>
    asked.method === method && is(asked) ? { status } : answer()

/** What the registry did is what it should have; only the answer is another. */
const tells =
  (method: string, is: (asked: Asked) => boolean, change: (answer: Answer) => Answer): Alter =>
  (asked, answer) =>
    asked.method === method && is(asked) ? change(answer()) : answer()

const withStatus =
  (status: number) =>
  (answer: Answer): Answer => ({ ...answer, status: answer.status < 400 ? status : answer.status })
const without =
  (name: string) =>
  (answer: Answer): Answer => ({ ...answer, headers: { ...answer.headers, [name]: undefined } })
const located =
  (change: (location: string) => string) =>
  (answer: Answer): Answer => {
    const location = answer.headers?.location
    return typeof location === 'string'
      ? { ...answer, headers: { ...answer.headers, location: change(location) } }
      : answer
  }

/** Each first request of a kind is led to the same path with a mark. */
const redirecting =
  (status: number, method: string): Alter =>
  (asked, answer) =>
    asked.method === method && asked.path !== '/v2/' && !asked.path.includes('moved=1')
      ? {
          status,
          headers: { location: `${asked.path}${asked.path.includes('?') ? '&' : '?'}moved=1` },
        }
      : answer()

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
  expect(await push(registry.host)).toBe(digest)
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
  expect(await copy(`docker://${registry.host}/first:v1`, target)).toBe(digest)
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
  expect(await push(registry.host, 'app', 100_000)).toBe(digest)
  expect(cuts).toBeGreaterThanOrEqual(2)
  expectWhole(registry)
})

const gzipped = (answer: Answer): Answer => {
  const body = gzipSync(answer.body ?? '')
  const headers = { ...answer.headers, 'content-encoding': 'gzip', 'content-length': `${body.length}` }
  return { ...answer, headers, body }
}
const typed = (type: string | undefined) => (answer: Answer) => ({
  ...answer,
  headers: { ...answer.headers, 'content-type': type },
})
/** At most 1,000 bytes of a range at once. */
const short = (answer: Answer): Answer => {
  const [, first = 0, last = 0, size = 0] =
    /^bytes (\d+)-(\d+)\/(\d+)$/.exec(String(answer.headers?.['content-range']))?.map(Number) ?? []
  if (answer.status !== 206 || last - first < 1000) return answer
  const body = Buffer.from(answer.body ?? '').subarray(0, 1000)
  const headers = { 'content-range': `bytes ${first}-${first + 999}/${size}`, 'content-length': '1000' }
  return { ...answer, headers, body }
}

const once = (first: Answer | 'cut'): Alter => {
  const met = new Set<string>()
  return (asked, answer) => {
    if (asked.path === '/v2/' || met.has(asked.path)) return answer()
    met.add(asked.path)
    return first
  }
}

const pulls: [string, Alter][] = [
  ['manifests without a type', tells('GET', isManifest, typed(undefined))],
  ['manifests as text/plain', tells('GET', isManifest, typed('text/plain; charset=utf-8'))],
  ['manifests as application/json', tells('GET', isManifest, typed('application/json'))],
  ['manifests without a digest', tells('GET', isManifest, without('docker-content-digest'))],
  [
    'manifests with a digest of another algorithm',
    tells('GET', isManifest, (answer) => ({
      ...answer,
      headers: { ...answer.headers, 'docker-content-digest': `sha512:${'0'.repeat(128)}` },
    })),
  ],
  ['manifests in gzip', tells('GET', isManifest, gzipped)],
  ['blobs in gzip', tells('GET', isBlob, gzipped)],
  [
    'blobs that call themselves gzip, and are',
    tells('GET', isBlob, (answer) => ({
      ...answer,
      headers: { ...answer.headers, 'content-encoding': 'gzip' },
    })),
  ],
  ...[301, 302, 303, 307, 308].map((status): [string, Alter] => [
    `GET led on by ${status}`,
    redirecting(status, 'GET'),
  ]),
  [
    'connections that close after each answer',
    tells(
      'GET',
      () => true,
      (answer) => ({ ...answer, headers: { ...answer.headers, connection: 'close' } }),
    ),
  ],
  ['connections that are cut', once('cut')],
  ['429 with a date', once({ status: 429, headers: { 'retry-after': new Date(0).toUTCString() } })],
  ['429 with nonsense', once({ status: 429, headers: { 'retry-after': '-5' } })],
  ['503', once({ status: 503, headers: { 'retry-after': '0' } })],
  ['408', once({ status: 408, headers: { 'retry-after': '0' } })],
]

test.each(pulls)('pull: %s', async (_, alter) => {
  let isPushed = false
  await using registry = await startLooseRegistry((asked, answer) =>
    isPushed ? alter(asked, answer) : answer(),
  )
  await push(registry.host)
  isPushed = true
  expect(await pull(registry.host)).toBe(digest)
})

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

const refusals: [string, Alter, RegExp][] = [
  [
    'another digest than the manifest has',
    tells('GET', isManifest, (answer) => ({
      ...answer,
      headers: { ...answer.headers, 'docker-content-digest': `sha256:${'0'.repeat(64)}` },
    })),
    /has the digest sha256:/,
  ],
  [
    'an encoding that nobody asked for',
    tells('GET', isManifest, (answer) => ({
      ...answer,
      headers: { ...answer.headers, 'content-encoding': 'br' },
    })),
    /has the encoding "br", which was not requested$/,
  ],
  [
    'gzip that is not',
    tells('GET', isManifest, (answer) => ({
      ...answer,
      headers: { ...answer.headers, 'content-encoding': 'gzip' },
    })),
    /is not valid in the encoding "gzip" that it claims$/,
  ],
  [
    'a manifest that inflates',
    tells('GET', isManifest, (answer) => gzipped({ ...answer, body: Buffer.alloc(5 << 20, ' ') })),
    /an answer of 127.0.0.1:\d+ is larger than 4194304 bytes$/,
  ],
  [
    'a manifest without an end',
    tells('GET', isManifest, (answer) => ({ ...answer, body: Buffer.alloc(5 << 20, ' ') })),
    /is larger than 4194304 bytes$/,
  ],
  [
    'an error without an end',
    tells('GET', isManifest, () => ({ status: 418, body: Buffer.alloc(1 << 20, '[') })),
    /answered 418 to GET \/v2\/app\/manifests\/v1$/,
  ],
  [
    'an error in gzip',
    tells('GET', isManifest, () =>
      gzipped({ status: 418, body: JSON.stringify({ errors: [{ code: 'TEAPOT' }] }) }),
    ),
    /answered 418 to GET \/v2\/app\/manifests\/v1: TEAPOT$/,
  ],
  [
    'an error that quotes a signed address',
    tells('GET', isManifest, () => ({
      status: 418,
      body: JSON.stringify({
        errors: [
          {
            code: 'X',
            message: 'https://u:secret@s3/x?X-Amz-Signature=secret&token=secret failed\n\u001b[2J',
          },
        ],
      }),
    })),
    /: X: https:\/\/\*\*\*@s3\/x\?\*\*\* failed {2}\[2J$/,
  ],
  [
    'redirects without an end',
    tells('GET', isManifest, () => ({ status: 302, headers: { location: '/v2/app/manifests/v1' } })),
    /redirected more than 10 times$/,
  ],
  [
    'a redirect to a file',
    tells('GET', isManifest, () => ({ status: 302, headers: { location: 'file:///etc/shadow' } })),
    /redirected to an invalid URL$/,
  ],
]

test.each(refusals)('pull: %s is refused in a line', async (_, alter, why) => {
  let isPushed = false
  await using registry = await startLooseRegistry((asked, answer) =>
    isPushed ? alter(asked, answer) : answer(),
  )
  await push(registry.host)
  isPushed = true
  const error = await pull(registry.host).catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(Error)
  const text = error instanceof Error ? error.message : ''
  expect(text).toMatch(why)
  expect(text).not.toMatch(/secret|\n/)
})

test('push: a redirect that would lose what is sent is refused', async () => {
  await using registry = await startLooseRegistry(redirecting(302, 'PATCH'))
  await expect(push(registry.host)).rejects.toThrow(/answered 302 to PATCH/)
})

test('push: a tag that can’t be asked for is not taken to be free', async () => {
  await using registry = await startLooseRegistry((asked, answer) =>
    isManifest(asked) && asked.method !== 'PUT' ? { status: 405 } : answer(),
  )
  await expect(push(registry.host)).rejects.toThrow(/answered 405 to GET/)
  expect(registry.manifests.size).toBe(0)
})

test('push: HEAD that knows less than GET doesn’t hide a tag', async () => {
  await using registry = await startLooseRegistry(says('HEAD', isManifest, 405))
  await push(registry.host)
  await expect(push(registry.host)).rejects.toThrow(/exists already/)
})

test('push: what takes everything and keeps nothing is found out', async () => {
  await using registry = await startLooseRegistry((asked, answer) =>
    asked.method === 'PUT' && isManifest(asked) ? { status: 200 } : answer(),
  )
  await expect(push(registry.host)).rejects.toThrow(
    /accepted docker:.* without an error but doesn't have it$/,
  )
})
