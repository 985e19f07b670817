/** Reaching registries: credentials in all their places, tokens, TLS, proxies, retries. */

import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { hashStream } from '../../../image/digest.ts'
import type { TransportOptions } from '../../../image/sources.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import { BUILDING_MS, peerSets } from '../../../scripts/support/peers.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { copy } from '../../support/copy.ts'
import { startTokenServer, type TokenServer } from './auth/token-server.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { twoLayers } from './two-layers.ts'

const USER = 'user'
const PASSWORD = 'pass:word'
const REFRESH = 'refresh-token'

let folder: string
let original: string
let plain: TestRegistry
let basic: TestRegistry
let bearer: TestRegistry
let secure: TestRegistry
let tokens: TokenServer
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-reg-test-'))
  original = await twoLayers(folder)
  tokens = await startTokenServer({ folder, user: USER, password: PASSWORD, refreshToken: REFRESH })
  ;[plain, basic, bearer, secure] = await Promise.all([
    startRegistry(),
    startRegistry({ auth: { user: USER, password: PASSWORD } }),
    startRegistry({ extra: tokens.registryConfig }),
    startRegistry({ tls: true }),
  ])
})

afterAll(async () => {
  for (const server of [plain, basic, bearer, secure, tokens]) await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

afterEach(() => vi.unstubAllEnvs())

/** Writes a configuration of Docker's and makes it the one in use. */
async function logIn(config: unknown): Promise<string> {
  const place = join(folder, `docker-${++count}`)
  await mkdir(place)
  await writeFile(join(place, 'config.json'), JSON.stringify(config))
  vi.stubEnv('DOCKER_CONFIG', place)
  return place
}

const encoded = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64')

async function roundTrip(host: string, options: TransportOptions = {}): Promise<void> {
  const place = `docker://${host}/app-${++count}:v1`
  const digest = await copy(original, place, options)
  expect(await copy(place, `oci:${folder}/out-${++count}`, options)).toBe(digest)
}

test('basic: credentials in config.json', async () => {
  await logIn({ auths: { [basic.host]: { auth: encoded(USER, PASSWORD) } } })
  await roundTrip(basic.host)
})

test('basic: a key with a scheme and a path', async () => {
  await logIn({ auths: { [`https://${basic.host}/v1/`]: { auth: encoded(USER, PASSWORD) } } })
  await roundTrip(basic.host)
})

test('basic: REGISTRY_AUTH_FILE goes before, and knows namespaces', async () => {
  await logIn({ auths: { [basic.host]: { auth: encoded(USER, 'wrong') } } })
  const path = join(folder, 'auth.json')
  await writeFile(
    path,
    JSON.stringify({ auths: { [`${basic.host}/team`]: { auth: encoded(USER, PASSWORD) } } }),
  )
  vi.stubEnv('REGISTRY_AUTH_FILE', path)
  await copy(original, `docker://${basic.host}/team/app:v1`)
  await expect(copy(original, `docker://${basic.host}/other/app:v1`)).rejects.toThrow(/answered 401/)
})

/** A credential helper, as a program on the PATH. */
async function helper(name: string, answer: string): Promise<void> {
  const place = join(folder, `bin-${++count}`)
  await mkdir(place)
  const program = join(place, `docker-credential-${name}`)
  await writeFile(program, `#!/bin/sh\n[ "$1" = get ] || exit 2\nread -r host\n${answer}\n`)
  await chmod(program, 0o755)
  vi.stubEnv('PATH', `${place}:${process.env.PATH}`)
}

test('basic: a credential helper of one host', async () => {
  await helper('one', `echo '{"ServerURL":"x","Username":"${USER}","Secret":"${PASSWORD}"}'`)
  await logIn({ credHelpers: { [basic.host]: 'one' } })
  await roundTrip(basic.host)
})

test('basic: a store for all hosts, which may not know this one', async () => {
  await helper('store', 'echo "credentials not found in native keychain"; exit 1')
  await logIn({ credsStore: 'store', auths: { [basic.host]: { auth: encoded(USER, PASSWORD) } } })
  await roundTrip(basic.host)
})

test.each([
  ['nobody', {}, /answered 401 to HEAD/],
  ['a stranger', { auths: { HOST: { auth: encoded(USER, 'secret-wrong') } } }, /answered 401/],
  ['damaged credentials', { auths: { HOST: { auth: 'c2VjcmV0' } } }, /damaged/],
  [
    'a helper that is missing',
    { credHelpers: { HOST: 'missing' } },
    /docker-credential-missing is not installed/,
  ],
  [
    'a helper with a path for a name',
    { credHelpers: { HOST: '../evil' } },
    /is not a valid name of a credential helper/,
  ],
])('basic: %s is refused, and no secret is told', async (_, config, why) => {
  await logIn(JSON.parse(JSON.stringify(config).replace('HOST', basic.host)))
  const error = await copy(original, `docker://${basic.host}/refused:v1`).catch((cause: unknown) => cause)
  expect(String(error)).toMatch(why)
  expect(String(error)).not.toMatch(/secret|c2VjcmV0/)
})

test('a broken credentials file is named, not quoted', async () => {
  const place = await logIn('hunter2')
  const error = await copy(original, `docker://${basic.host}/x:v1`).catch((cause: unknown) => cause)
  expect(String(error)).toContain(`${place}/config.json is not a credentials file`)
  expect(String(error)).not.toContain('hunter2')
})

test('bearer: a token for what is wanted, asked for once', async () => {
  await logIn({ auths: { [bearer.host]: { auth: encoded(USER, PASSWORD) } } })
  tokens.asked.length = 0
  const place = `docker://${bearer.host}/app-bearer:v1`
  await copy(original, place)
  expect(new Set(tokens.asked)).toEqual(new Set(['GET repository:app-bearer:pull,push as user']))
  tokens.asked.length = 0
  await copy(place, `oci:${folder}/bearer`)
  expect(new Set(tokens.asked)).toEqual(new Set(['GET repository:app-bearer:pull as user']))
})

test.each(peerSets)(
  'each way of logging in is taken: %s',
  async (peers) => {
    const login = { auth: encoded(USER, PASSWORD) }
    await using named = await startRegistry({ peers, auth: { user: USER, password: PASSWORD } })
    await using asking = await startRegistry({ peers, extra: tokens.registryConfig })
    await using certified = await startRegistry({ peers, tls: true })
    await logIn({ auths: { [named.host]: login, [asking.host]: login } })
    await roundTrip(named.host)
    await roundTrip(asking.host)
    await roundTrip(certified.host, { caFile: certified.caFile })
  },
  BUILDING_MS,
)

test('bearer: an identity token', async () => {
  await logIn({ auths: { [bearer.host]: { identitytoken: REFRESH } } })
  tokens.asked.length = 0
  await roundTrip(bearer.host)
  expect(tokens.asked[0]).toMatch(/^POST repository:.*:pull,push as user$/)
})

test('bearer: without an account the public can be read', async () => {
  await logIn({ auths: { [bearer.host]: { auth: encoded(USER, PASSWORD) } } })
  const digest = await copy(original, `docker://${bearer.host}/public:v1`)
  await logIn({})
  expect(await copy(`docker://${bearer.host}/public:v1`, `oci:${folder}/public`)).toBe(digest)
  await expect(copy(original, `docker://${bearer.host}/public:v2`)).rejects.toThrow(/answered 401/)
})

test('bearer: a stranger, and a token server that fails for a while', async () => {
  await logIn({ auths: { [bearer.host]: { auth: encoded(USER, 'wrong') } } })
  await expect(copy(original, `docker://${bearer.host}/stranger:v1`)).rejects.toThrow(
    /answered 401 to a request for access/,
  )
  await logIn({ auths: { [bearer.host]: { auth: encoded(USER, PASSWORD) } } })
  tokens.failures.push(503, 429)
  await roundTrip(bearer.host)
})

test('bearer: a token that is refused midway is fetched again', async () => {
  const realm = tokens.registryConfig.match(/realm: '([^']+)'/)?.[1]
  const challenge = { 'www-authenticate': `Bearer realm="${realm}",service="test"` }
  const refused = new Set<string>()
  await using proxy = await startFaultProxy(bearer.host, (_, { method, path }) => {
    if (method !== 'PATCH' || refused.has(path)) return undefined
    refused.add(path)
    return { status: 401, headers: challenge }
  })
  await logIn({ auths: { [proxy.host]: { auth: encoded(USER, PASSWORD) } } })
  tokens.asked.length = 0
  await copy(original, `docker://${proxy.host}/renewed:v1`)
  expect(refused.size).toBe(3)
  expect(tokens.asked.length).toBeGreaterThan(1)
})

test('bearer: a token about to expire is not used any more', async () => {
  await logIn({ auths: { [bearer.host]: { auth: encoded(USER, PASSWORD) } } })
  await copy(original, `docker://${bearer.host}/expiring:v1`)
  await using source = await openSource(`docker://${bearer.host}/expiring:v1`)
  const image = await source.image()
  const read = async () => {
    for (const layer of image.layers) await hashStream(await layer.open())
  }
  tokens.asked.length = 0
  await read()
  expect(tokens.asked).toEqual([])
  // An administrator may set the date.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 55_000 })
  try {
    await read()
    expect(tokens.asked).toEqual([])
    vi.useRealTimers()
    const { bigint } = process.hrtime
    vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => bigint() + 55_000_000_000n)
    await read()
    expect(tokens.asked).toHaveLength(1)
  } finally {
    vi.useRealTimers()
    vi.restoreAllMocks()
  }
})

test('TLS: a custom authority', async () => {
  await roundTrip(secure.host, { caFile: secure.caFile })
})

test('TLS: unknown certificates on the loopback, which Docker takes too', async () => {
  await roundTrip(secure.host)
})

test('TLS: another authority than the one given is refused', async () => {
  const other = join(folder, 'token-cert.pem')
  await expect(copy(original, `docker://${secure.host}/x:v1`, { caFile: other })).rejects.toThrow(
    /can't be reached/,
  )
  await expect(copy(original, `docker://${secure.host}/x:v1`, { caFile: '/nowhere' })).rejects.toThrow(
    /no such file or folder: \/nowhere/,
  )
})

test('TLS: certificates that the machine keeps for the registry', async () => {
  await using strict = await startRegistry({ tls: true, askClients: true })
  const kept = join('/etc/docker/certs.d', strict.host)
  const refused = () =>
    expect(copy(original, `docker://${strict.host}/x:v1`)).rejects.toThrow(/can't be reached/)
  await refused()
  await mkdir(kept, { recursive: true })
  try {
    await cp(`${strict.caFile}`, join(kept, 'client.cert'))
    await expect(copy(original, `docker://${strict.host}/x:v1`)).rejects.toThrow(/lacks its key, client.key/)
    await cp(`${strict.keyFile}`, join(kept, 'client.key'))
    await cp(`${strict.caFile}`, join(kept, 'ca.crt'))
    await roundTrip(strict.host)
    await cp(`${secure.caFile}`, join(kept, 'ca.crt'))
    await refused()
  } finally {
    await rm(kept, { recursive: true })
  }
})

test('beyond the loopback plain HTTP and unknown certificates need --insecure', async () => {
  for (const { host } of [plain, secure]) {
    const elsewhere = host.replace('127.0.0.1', '0.0.0.0')
    const refused = copy(original, `docker://${elsewhere}/insecure:v1`)
    await expect(refused).rejects.toMatchObject({
      code: 'E_REGISTRY_UNREACHABLE',
      hint: expect.stringContaining('--insecure'),
    })
    await roundTrip(elsewhere, { insecure: true })
  }
})

test('a proxy of the environment is used, but not on the loopback', async () => {
  const asked: string[] = []
  const proxy = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? '')
    asked.push(url.host)
    const { method, headers } = incoming
    const onward = request(url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    incoming.pipe(onward)
  })
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '')
    const [host, port] = (request.url ?? '').split(':')
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  const port = typeof address === 'object' ? address?.port : undefined
  for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'])
    vi.stubEnv(name, `http://127.0.0.1:${port}`)
  try {
    await roundTrip(plain.host)
    expect(asked).toEqual([])
    for (const { host } of [plain, secure]) {
      const elsewhere = host.replace('127.0.0.1', '0.0.0.0')
      await roundTrip(elsewhere, { insecure: true })
      expect(asked).toContain(elsewhere)
    }
  } finally {
    proxy.closeAllConnections()
    proxy.close()
  }
})

test('a registry that is not there, and an image that is not', async () => {
  await expect(copy('docker://no-such-host.invalid/x', `oci:${folder}/x`)).rejects.toThrow(/can't be reached/)
  await expect(copy(`docker://${plain.host}/none:v1`, `oci:${folder}/x`)).rejects.toThrow(
    /has no image none:v1/,
  )
})

test('a target that exists is replaced with force alone', async () => {
  const place = `docker://${plain.host}/exists:v1`
  await copy(original, place)
  await expect(copy(original, place)).rejects.toThrow(/already exists/)
  await using target = await openTarget(place)
  await target.prepare({ force: true })
})

test('Retry-After is honoured, and a 4xx is not tried again', async () => {
  await copy(original, `docker://${plain.host}/retry:v1`)
  const times: number[] = []
  await using slow = await startFaultProxy(plain.host, (index) => {
    times.push(performance.now())
    return index === 1 ? { status: 429, headers: { 'retry-after': '1' } } : undefined
  })
  await copy(`docker://${slow.host}/retry:v1`, `oci:${folder}/retry`)
  expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThanOrEqual(990)
  await using refusing = await startFaultProxy(plain.host, (index) =>
    index === 1 ? { status: 418 } : undefined,
  )
  await expect(copy(`docker://${refusing.host}/retry:v1`, `oci:${folder}/retry2`)).rejects.toThrow(
    /answered 418/,
  )
  expect(refusing.seen).toHaveLength(2)
})
