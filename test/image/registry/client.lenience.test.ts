/** Downloads from registries that take the liberties that Go's clients accept, and those that are refused: one row for each. */
import { expect, test } from 'vitest'
import { type Answer, startLooseRegistry } from '../../support/loose-registry.ts'
import {
  type Alter,
  gzipped,
  isBlob,
  isManifest,
  pull,
  push,
  redirecting,
  sample,
  tells,
  without,
} from './loose-trial.ts'

const typed = (type: string | undefined) => (answer: Answer) => ({
  ...answer,
  headers: { ...answer.headers, 'content-type': type },
})

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
  expect(await pull(registry.host)).toBe(sample.digest)
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
    /can't be decoded as "gzip", the encoding it claims$/,
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
