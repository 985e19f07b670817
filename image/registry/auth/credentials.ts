/**
 * Credentials for a registry, as stored by `docker login`, `podman login` and credential helpers. Secrets are in the returned values and
 * nowhere else: no error quotes a file or a helper's output.
 *
 * Source: docker/cli config file, docker-credential-helpers protocol, containers-auth.json(5).
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { codeOf, HeadstartError, messageOf } from '../../../system/errors.ts'
import { readSettings } from '../../../system/files/read-whole.ts'
import { tryCommand } from '../../../system/process/command.ts'
import { jsonIf } from '../../../system/text/json.ts'
import { DEFAULT_HOST } from '../../reference.ts'

export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  /** a refresh token, exchanged for access tokens */
  | { readonly kind: 'identity'; readonly token: string }
  /** an access token, sent as it is */
  | { readonly kind: 'bearer'; readonly token: string }

const authSchema = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
})
const fileSchema = z.object({
  auths: z.record(z.string(), authSchema).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
})
const helperSchema = z.object({ Username: z.string(), Secret: z.string() })

type AuthFile = z.infer<typeof fileSchema>

interface LookUpOptions {
  readonly env: NodeJS.ProcessEnv
  readonly helperMs?: number | undefined
}

/** Some ask a person to unlock their store. */
const HELPER_MS = 120_000
const MAX_HELPER_BYTES = 1 << 20

/** The files that the tools look for, in their order. */
function candidates(env: NodeJS.ProcessEnv): string[] {
  if (env.REGISTRY_AUTH_FILE) return [env.REGISTRY_AUTH_FILE]
  const docker = join(env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), 'config.json')
  const runtime = env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'containers/auth.json')] : []
  return [docker, ...runtime]
}

/**
 * @param repository looked up too, since podman's files may hold credentials for a namespace
 * @returns undefined if nobody has logged in
 * @param helperMs how long a credential helper may take
 * @throws HeadstartError E_CREDENTIALS: a file or helper is broken
 */
export async function findCredentials(
  host: string,
  repository: string,
  env: NodeJS.ProcessEnv = process.env,
  helperMs?: number,
): Promise<Credentials | undefined> {
  for (const path of candidates(env)) {
    const file = await readAuthFile(path, path === env.REGISTRY_AUTH_FILE)
    const found = file && (await lookUp(file, host, repository, { env, helperMs }))
    if (found) return found
  }
  return undefined
}

async function readAuthFile(path: string, isRequired: boolean): Promise<AuthFile | undefined> {
  let text: string
  try {
    text = await readSettings(path)
  } catch (cause) {
    if (!isRequired && (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR')) return undefined
    throw new HeadstartError('E_CREDENTIALS', `the credentials can't be read: ${messageOf(cause)}`)
  }
  const file = jsonIf(text, fileSchema) // no parser's message, which could quote a secret
  if (file) return file
  throw new HeadstartError('E_CREDENTIALS', `${path} is not a credentials file in Docker's format`, {
    hint: 'Log in again, or point DOCKER_CONFIG or REGISTRY_AUTH_FILE elsewhere',
  })
}

/** Docker Hub's key is an old URL; other keys may be written with a scheme or a path. */
function keysOf(host: string, repository: string): string[] {
  const parts = repository.split('/')
  const namespaces = parts.map((_, index) => [host, ...parts.slice(0, parts.length - index)].join('/'))
  const hosts = host === DEFAULT_HOST ? ['https://index.docker.io/v1/', 'index.docker.io', host] : [host]
  return [...namespaces, ...hosts]
}

const bare = (key: string): string => key.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '')

async function lookUp(
  file: AuthFile,
  host: string,
  repository: string,
  options: LookUpOptions,
): Promise<Credentials | undefined> {
  const keys = keysOf(host, repository)
  const auths = new Map(Object.entries(file.auths ?? {}).map(([key, auth]) => [bare(key), auth]))
  for (const key of keys) {
    const helper = file.credHelpers?.[key]
    if (helper) return askHelper(helper, key, options)
  }
  if (file.credsStore) {
    for (const key of keys.slice(repository.split('/').length)) {
      const found = await askHelper(file.credsStore, key, options)
      if (found) return found
    }
  }
  for (const key of keys) {
    const auth = auths.get(bare(key))
    const found = auth && decodeAuth(auth, host)
    if (found) return found
  }
  return undefined
}

function decodeAuth(auth: z.infer<typeof authSchema>, host: string): Credentials | undefined {
  if (auth.registrytoken) {
    if (!SENDABLE.test(auth.registrytoken)) throw damaged(host)
    return { kind: 'bearer', token: auth.registrytoken }
  }
  if (auth.identitytoken) return { kind: 'identity', token: auth.identitytoken }
  if (auth.username && auth.password !== undefined)
    return { kind: 'password', user: auth.username, password: auth.password }
  if (!auth.auth) return undefined
  const text = Buffer.from(auth.auth, 'base64').toString('utf8').replace(/\0+$/, '')
  const colon = text.indexOf(':')
  if (colon <= 0) throw damaged(host)
  return { kind: 'password', user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** What a header can carry. */
const SENDABLE = /^[\x21-\x7e]+$/

const damaged = (host: string): HeadstartError =>
  new HeadstartError('E_CREDENTIALS', `the credentials saved for ${host} are damaged`)

async function askHelper(
  name: string,
  key: string,
  { env, helperMs = HELPER_MS }: LookUpOptions,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`
  if (!/^[\w.-]{1,100}$/.test(name))
    throw new HeadstartError(
      'E_CREDENTIALS',
      `${JSON.stringify(name.slice(0, 100))} is not a valid name of a credential helper`,
    )
  const { status, stdout } = await runHelper(program, key, env, helperMs)
  if (status !== 0) {
    if (/credentials not found/i.test(stdout)) return undefined
    throw new HeadstartError('E_CREDENTIALS', `${program} exited with status ${status}`)
  }
  const answer = jsonIf(stdout, helperSchema) // as above
  if (!answer) throw new HeadstartError('E_CREDENTIALS', `${program} returned invalid credentials`)
  const { Username, Secret } = answer
  if (Username === '' && Secret === '') return undefined
  return Username === '<token>'
    ? { kind: 'identity', token: Secret }
    : { kind: 'password', user: Username, password: Secret }
}

/** The output of a helper that was killed may contain a secret, so the error only says what we did. */
async function runHelper(program: string, key: string, env: NodeJS.ProcessEnv, helperMs: number) {
  const limit = AbortSignal.timeout(helperMs)
  try {
    const options = { input: key, env, signal: limit, maxBuffer: MAX_HELPER_BYTES }
    return await tryCommand(program, ['get'], options)
  } catch (error) {
    if (codeOf(error) === 'E_NOT_INSTALLED') throw error
    const why = limit.aborted ? `did not answer within ${helperMs / 1000} seconds` : 'returned no answer'
    throw new HeadstartError('E_CREDENTIALS', `${program} ${why}`, {
      hint: `See what it prints: echo ${key} | ${program} get`,
    })
  }
}
