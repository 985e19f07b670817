/** What counts as a challenge and as a token, whom credentials are shown to, and that nobody is asked for ever. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { RegistryClient } from '../../../../image/registry/client.ts'
import {
  type Answer,
  type Asked,
  type LooseRegistry,
  startLooseRegistry,
} from '../../../support/loose-registry.ts'

const SECRET = 'hunter2-secret'
const folder = await mkdtemp(join(tmpdir(), 'hs-tokens-'))
const encoded = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64')

beforeEach(() => vi.stubEnv('REGISTRY_AUTH_FILE', join(folder, 'auth.json')))
afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

async function logIn(host: string, auth: object): Promise<void> {
  await writeFile(join(folder, 'auth.json'), JSON.stringify({ auths: { [host]: auth } }))
}

interface Trial {
  /** what the token server answers; the token `good` opens the registry */
  readonly tokens?: (asked: Asked) => Answer | 'cut'
  readonly challenge?: (realm: string) => string | string[]
  readonly auth?: object
  /** what opens the registry */
  readonly opens?: (asked: Asked) => boolean
  readonly status?: number
}

const good: Answer = { status: 200, body: JSON.stringify({ token: 'good' }) }

/** One request to a registry whose answers to strangers are challenges. */
async function trial(options: Trial) {
  const { tokens = () => good, opens = ({ headers }) => headers.authorization === 'Bearer good' } = options
  await using server = await startLooseRegistry(tokens)
  const realm = `http://${server.host}/token`
  const { challenge = () => `Bearer realm="${realm}",service="s"` } = options
  const registry: LooseRegistry = await startLooseRegistry((asked) =>
    opens(asked)
      ? { status: 200, body: '{}' }
      : { status: options.status ?? 401, headers: { 'www-authenticate': challenge(realm) } },
  )
  await using _ = registry
  await logIn(registry.host, options.auth ?? { auth: encoded('user', SECRET) })
  await using client = await RegistryClient.connect(registry.host, 'app', {})
  const scopes = ['repository:app:pull']
  const request = { method: 'GET', url: '/v2/app/x', scopes, expected: [200], attempts: 1 } as const
  const outcome = await client.document(request, 1000).then(
    () => 'opened',
    (error: unknown) => String(error),
  )
  expect(outcome).not.toMatch(/hunter2|\n/)
  return { outcome, asked: server.asked, seen: registry.asked.filter(({ path }) => path !== '/v2/') }
}

const token = (fields: object | string): Answer => ({
  status: 200,
  body: typeof fields === 'string' ? fields : JSON.stringify(fields),
})

const isToken: [string, object][] = [
  ['token', { token: 'good' }],
  ['access_token', { access_token: 'good' }],
  ['both', { token: 'good', access_token: 'other' }],
  ['an empty one and another', { token: '', access_token: 'good' }],
  ['null and another', { token: null, access_token: 'good' }],
  ['a refresh token of null', { token: 'good', refresh_token: null }],
  ['a refresh token that is a number', { token: 'good', refresh_token: 7 }],
  ...['300', 'soon', '', null, 0, -5, 1e300, 0.5, true, {}].map((value): [string, object] => [
    `expires_in ${JSON.stringify(value)}`,
    { token: 'good', expires_in: value },
  ]),
  ...[null, 7, 'yesterday', '2999-01-01T00:00:00Z'].map((value): [string, object] => [
    `issued_at ${JSON.stringify(value)}`,
    { token: 'good', issued_at: value },
  ]),
]

test.each(isToken)('a token: %s', async (_, fields) => {
  expect((await trial({ tokens: () => token(fields) })).outcome).toBe('opened')
})

test('a token in gzip', async () => {
  const tokens = () => ({ ...good, headers: { 'content-encoding': 'gzip' }, body: gzipSync(`${good.body}`) })
  expect((await trial({ tokens })).outcome).toBe('opened')
})

test.each([
  ['none', token({}), /answered without a token to a request for access/],
  ['an empty one', token({ token: '' }), /answered without a token/],
  ['one that no header can carry', token({ token: 'a\r\nb' }), /answered with an invalid token/],
  ['a number', token({ token: 7 }), /answered with an invalid token/],
  ['no JSON', token(`<html>${SECRET}`), /answered with an invalid token/],
  ['a list', token('[]'), /answered with an invalid token/],
  ['no end', token(' '.repeat(2 << 20)), /the token of 127.0.0.1:\d+ is larger than 1048576 bytes/],
  ['a refusal', { status: 403, body: SECRET }, /answered 403 to a request for access/],
  ['a fault', { status: 500, body: SECRET }, /answered 500 to a request for a token/],
  ['a cut', 'cut' as const, /returned no token/],
  ['a loop', { status: 302, headers: { location: '/token?again' } }, /too many redirects/],
  [
    'a redirect to a file',
    { status: 302, headers: { location: 'file:///etc/shadow' } },
    /does not say where to ask for a token/,
  ],
])('no token: %s', async (_, answer, why) => {
  expect((await trial({ tokens: () => answer })).outcome).toMatch(why)
})

test.each([
  ['behind a token68 one', (realm: string) => `NTLM TlRMTVNTUAAC/+==, Bearer realm="${realm}"`],
  ['behind a token68 one without an end', (realm: string) => `Negotiate abc/d, Bearer realm="${realm}"`],
  ['in a header of its own', (realm: string) => ['NTLM', 'Basic realm="x"', `Bearer realm="${realm}"`]],
  ['behind Basic', (realm: string) => `Basic realm="a, Bearer b=\\"c\\"", Bearer realm="${realm}"`],
  ['before Basic', (realm: string) => `Bearer realm="${realm}", Basic realm="x"`],
  ['in any case', (realm: string) => `BEARER REALM="${realm}"`],
  ['without quotes', (realm: string) => `Bearer realm=${realm},service=s`],
  ['with escapes', (realm: string) => `Bearer realm="${realm.replace('token', '\\t\\o\\ken')}"`],
  ['behind what can’t be read', (realm: string) => `Odd a="b" c; d, Bearer realm="${realm}"`],
])('a challenge is found: %s', async (_, challenge) => {
  const { outcome, asked } = await trial({ challenge })
  expect(outcome).toBe('opened')
  expect(asked.map(({ path }) => path.split('?')[0])).toEqual(['/token'])
})

test('a challenge that only /v2/ gives', async () => {
  let server: LooseRegistry | undefined
  await using registry = await startLooseRegistry(({ path, headers }) => {
    if (headers.authorization === 'Bearer good') return { status: 200, body: '{}' }
    if (path !== '/v2/') return { status: 401 }
    return { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${server?.host}/token"` } }
  })
  server = await startLooseRegistry(() => good)
  await using _ = server
  await logIn(registry.host, {})
  await using client = await RegistryClient.connect(registry.host, 'app', {})
  const request = { method: 'GET', url: '/v2/app/x', scopes: ['a:b:c'], expected: [200] } as const
  expect((await client.document(request, 1000)).status).toBe(200)
})

const scopesOf = ({ path }: Asked) => new URL(path, 'http://x').searchParams.getAll('scope')

test.each([401, 403])('a scope that is lacking (%i) is asked for, before ours', async (status) => {
  const { outcome, asked } = await trial({
    status,
    challenge: (realm) =>
      `Bearer realm="${realm}",error="insufficient_scope",scope="repository:app:pull repository:base:pull registry:catalog:*"`,
    tokens: (one) => token({ token: scopesOf(one).includes('repository:base:pull') ? 'good' : 'bad' }),
  })
  expect(outcome).toBe('opened')
  expect(scopesOf(asked[0] ?? expect.fail())).toEqual([
    'repository:base:pull',
    'registry:catalog:*',
    'repository:app:pull',
  ])
})

test('a registry that is never content is not asked for ever', async () => {
  let count = 0
  const { outcome, asked, seen } = await trial({
    opens: () => false,
    challenge: (realm) => `Bearer realm="${realm}",error="insufficient_scope",scope="a:${++count}:pull"`,
  })
  expect(outcome).toMatch(/answered 401 to GET/)
  expect(asked.length).toBe(2)
  expect(seen.length).toBe(3)
  const same = await trial({ opens: () => false })
  expect([same.asked.length, same.seen.length]).toEqual([1, 2])
})

test('nobody asks without a name', async () => {
  const { outcome, asked } = await trial({ auth: {} })
  expect(outcome).toBe('opened')
  expect(asked[0]?.headers.authorization).toBeUndefined()
})

test.each([400, 401, 404, 405])('an identity token where POST is answered %i goes by GET', async (status) => {
  const { outcome, asked } = await trial({
    auth: { identitytoken: SECRET },
    tokens: ({ method }) => (method === 'POST' ? { status } : good),
  })
  expect(outcome).toBe('opened')
  expect(asked.map(({ method }) => method)).toEqual(['POST', 'GET'])
  expect(asked[1]?.headers.authorization).toBe(`Basic ${encoded('', SECRET)}`)
  expect(asked[1]?.path).not.toContain(SECRET)
})

test.each([
  ['Bearer', undefined],
  ['Basic', () => 'Basic realm="x"'],
])('a registry token is sent as it is where the challenge is %s', async (_, challenge) => {
  const auth = { registrytoken: 'good' }
  const { outcome, asked } = await trial({ auth, ...(challenge && { challenge }) })
  expect(outcome).toBe('opened')
  expect(asked).toEqual([])
  const refused = await trial({ auth: { registrytoken: SECRET } })
  expect(refused.outcome).toMatch(/answered 401/)
  expect(refused.seen.length).toBe(2)
  expect((await trial({ auth: { registrytoken: `${SECRET}\r\nX: y` } })).outcome).toMatch(/are damaged$/)
})

test('an identity token is posted, and not to where a redirect leads', async () => {
  const { outcome } = await trial({ auth: { identitytoken: SECRET } })
  expect(outcome).toBe('opened')
  await using elsewhere = await startLooseRegistry(() => good)
  const led = await trial({
    auth: { identitytoken: SECRET },
    tokens: () => ({ status: 307, headers: { location: `http://${elsewhere.host}/token` } }),
  })
  expect(led.outcome).toMatch(/answered with a redirect to 127/)
  expect(elsewhere.asked).toEqual([])
})

test('a password stays with the token server that was named', async () => {
  await using elsewhere = await startLooseRegistry(() => good)
  const tokens = ({ path }: Asked): Answer =>
    path.startsWith('/token')
      ? { status: 302, headers: { location: `http://${elsewhere.host}/other` } }
      : { status: 404 }
  const { outcome, asked } = await trial({ tokens })
  expect(outcome).toBe('opened')
  expect(asked[0]?.headers.authorization).toBe(`Basic ${encoded('user', SECRET)}`)
  expect(elsewhere.asked.map(({ headers }) => headers.authorization)).toEqual([undefined])
})

test.each(['PATCH', 'PUT', 'GET'] as const)('credentials don’t follow %s to another host', async (method) => {
  await using elsewhere = await startLooseRegistry(() => ({ status: 200 }))
  await using registry = await startLooseRegistry(({ headers, path }) =>
    headers.authorization === undefined && path !== '/v2/'
      ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
      : { status: 307, headers: { location: `http://${elsewhere.host}/x?X-Amz-Signature=1` } },
  )
  await logIn(registry.host, { auth: encoded('user', SECRET) })
  await using client = await RegistryClient.connect(registry.host, 'app', {})
  const request = { method, scopes: [], expected: [200], ...(method !== 'GET' && { body: Buffer.from('x') }) }
  await client.document({ ...request, url: '/v2/app/x' }, 1000)
  // An upload's Location may be anywhere from the start.
  await client.document({ ...request, url: `http://${elsewhere.host}/direct` }, 1000)
  expect(registry.asked.at(-1)?.headers.authorization).toBe(`Basic ${encoded('user', SECRET)}`)
  const there = elsewhere.asked.map(({ path, headers, body }) => [path, headers.authorization, `${body}`])
  const sent = method === 'GET' ? '' : 'x'
  expect(there).toEqual([
    ['/x?X-Amz-Signature=1', undefined, sent],
    ['/direct', undefined, sent],
  ])
})
