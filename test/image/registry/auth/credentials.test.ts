/** Where credentials are found: Docker Hub's keys of old, the order of files, and what a helper may answer. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findCredentials } from '../../../../image/registry/auth/credentials.ts'

let folder: string
let count = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-credentials-'))
})
afterAll(() => rm(folder, { recursive: true }))

const auth = (user: string) => ({ auth: Buffer.from(`${user}:secret`).toString('base64') })

async function home(config: unknown, helpers: Record<string, string> = {}): Promise<NodeJS.ProcessEnv> {
  const place = join(folder, `home-${++count}`)
  await mkdir(join(place, '.docker'), { recursive: true })
  await writeFile(join(place, '.docker/config.json'), JSON.stringify(config))
  for (const [name, script] of Object.entries(helpers)) {
    await writeFile(join(place, `docker-credential-${name}`), `#!/bin/sh\nread -r key\n${script}\n`)
    await chmod(join(place, `docker-credential-${name}`), 0o755)
  }
  return { HOME: place, PATH: `${place}:${process.env.PATH}` }
}

const userOf = async (host: string, env: NodeJS.ProcessEnv, repository = 'library/app') => {
  const found = await findCredentials(host, repository, env)
  return found?.kind === 'password' ? found.user : found && `token ${found.token}`
}

test('Docker Hub is known by its URL of old', async () => {
  expect(
    await userOf('docker.io', await home({ auths: { 'https://index.docker.io/v1/': auth('hub') } })),
  ).toBe('hub')
  expect(await userOf('docker.io', await home({ auths: { 'docker.io': auth('hub') } }))).toBe('hub')
  expect(
    await userOf('r.io', await home({ auths: { 'https://index.docker.io/v1/': auth('hub') } })),
  ).toBeUndefined()
})

test('the longest namespace wins, then the host', async () => {
  const env = await home({ auths: { 'r.io': auth('host'), 'r.io/a': auth('a'), 'r.io/a/b': auth('ab') } })
  expect(await userOf('r.io', env, 'a/b/c')).toBe('ab')
  expect(await userOf('r.io', env, 'a/x')).toBe('a')
  expect(await userOf('r.io', env, 'x')).toBe('host')
  expect(await userOf('s.io', env, 'a/b')).toBeUndefined()
})

test('a helper is asked with the key it was logged in with, and may hold a token', async () => {
  const echo = `printf '{"ServerURL":"x","Username":"%s","Secret":"s"}' "$key"`
  expect(await userOf('r.io', await home({ credHelpers: { 'r.io': 'h' } }, { h: echo }))).toBe('r.io')
  expect(await userOf('docker.io', await home({ credsStore: 'h' }, { h: echo }))).toBe(
    'https://index.docker.io/v1/',
  )
  const token = `printf '{"ServerURL":"x","Username":"<token>","Secret":"refresh"}'`
  expect(await userOf('r.io', await home({ credsStore: 'h' }, { h: token }))).toBe('token refresh')
  const wrong = await home({ credsStore: 'h' }, { h: 'echo secret-not-json' })
  await expect(userOf('r.io', wrong)).rejects.toThrow(/^docker-credential-h returned invalid credentials$/)
  const broken = await home({ credsStore: 'h' }, { h: 'echo secret >&2; exit 3' })
  await expect(userOf('r.io', broken)).rejects.toThrow(/^docker-credential-h exited with status 3$/)
})

test.each([
  ['says nothing in time', 'exec sleep 1000', 300, /^docker-credential-h did not answer within 0.3 seconds$/],
  ['says too much', 'exec yes secret', undefined, /^docker-credential-h returned no answer$/],
  ['dies', 'echo secret >&2; kill -9 $$', undefined, /^docker-credential-h returned no answer$/],
  [
    'prints escapes',
    `printf '\\033[2Jsecret'; printf '\\033]0;secret' >&2; exit 1`,
    undefined,
    /^docker-credential-h exited with status 1$/,
  ],
  [
    'prints escapes, and succeeds',
    `printf '\\033[2Jsecret'`,
    undefined,
    /^docker-credential-h returned invalid credentials$/,
  ],
  [
    'fails with an error of its own',
    `echo 'no usernames for secret'; exit 1`,
    undefined,
    /^docker-credential-h exited with status 1$/,
  ],
])('a helper that %s is told of in a line, and not quoted', async (_, script, ms, why) => {
  const env = await home({ credsStore: 'h' }, { h: script })
  const error = await findCredentials('r.io', 'app', env, ms).catch((cause: unknown) => cause)
  expect(error instanceof Error ? error.message : error).toMatch(why)
})

test('a helper that knows nobody', async () => {
  const answer = `printf '{"ServerURL":"","Username":"","Secret":""}'`
  expect(await userOf('r.io', await home({ credsStore: 'h' }, { h: answer }))).toBeUndefined()
})

test.each([
  [
    'a password with colons and a trailing NUL',
    { auth: Buffer.from('user:a:b\0\0').toString('base64') },
    'a:b',
  ],
  ['an empty password', { auth: Buffer.from('user:').toString('base64') }, ''],
  ['in fields of their own', { username: 'user', password: 'x' }, 'x'],
])('saved credentials: %s', async (_, saved, password) => {
  const found = await findCredentials('r.io', 'app', await home({ auths: { 'r.io': saved } }))
  expect(found).toEqual({ kind: 'password', user: 'user', password })
})

test.each(['c2VjcmV0', 'OnNlY3JldA==', '!!!'])('saved credentials %j are damaged', async (auth) => {
  await expect(userOf('r.io', await home({ auths: { 'r.io': { auth } } }))).rejects.toThrow(
    /^the credentials saved for r.io are damaged$/,
  )
})

test('no file is no fault, but a named one that is missing is', async () => {
  expect(await userOf('r.io', { HOME: join(folder, 'nobody') })).toBeUndefined()
  await expect(userOf('r.io', { REGISTRY_AUTH_FILE: join(folder, 'none.json') })).rejects.toThrow(
    /no such file or folder: .*none\.json/,
  )
})

test('podman’s file is read after Docker’s', async () => {
  const env = await home({})
  const runtime = join(folder, 'runtime')
  await mkdir(join(runtime, 'containers'), { recursive: true })
  await writeFile(
    join(runtime, 'containers/auth.json'),
    JSON.stringify({ auths: { 'r.io': auth('podman') } }),
  )
  expect(await userOf('r.io', { ...env, XDG_RUNTIME_DIR: runtime })).toBe('podman')
})
