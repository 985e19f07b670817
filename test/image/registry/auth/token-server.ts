/** A token server as the distribution spec describes it, whose tokens a real docker-registry accepts. */

import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { serve } from '../../../../scripts/support/serve.ts'
import { runCommand } from '../../../../system/process/command.ts'

export interface TokenServer extends AsyncDisposable {
  /** lines for the registry's configuration */
  readonly registryConfig: string
  /** what was asked, in order, e.g. `GET repository:app:pull as user` */
  readonly asked: string[]
  /** requests that are answered with this status first */
  failures: number[]
}

export interface TokenServerOptions {
  readonly folder: string
  readonly user: string
  readonly password: string
  readonly refreshToken: string
}

export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const key = join(options.folder, 'token-key.pem')
  const certificate = join(options.folder, 'token-cert.pem')
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  await runCommand('openssl', [
    'req',
    '-x509',
    ...kind,
    '-subj',
    '/CN=tokens',
    '-keyout',
    key,
    '-out',
    certificate,
  ])
  const signer = {
    key: createPrivateKey(await readFile(key)),
    x5c: new X509Certificate(await readFile(certificate)).raw.toString('base64'),
  }
  const asked: string[] = []
  const failures: number[] = []
  const server = createServer((incoming, response) => {
    void answer(incoming, options, signer, asked, failures).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    })
  })
  const serving = await serve(server)
  return {
    registryConfig: `auth: { token: { realm: 'http://${serving.host}/token', service: test, issuer: tokens, rootcertbundle: ${certificate} } }`,
    asked,
    failures,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  }
}

interface Signer {
  readonly key: ReturnType<typeof createPrivateKey>
  readonly x5c: string
}

async function answer(
  incoming: IncomingMessage,
  { user, password, refreshToken }: TokenServerOptions,
  signer: Signer,
  asked: string[],
  failures: number[],
) {
  const failure = failures.shift()
  if (failure !== undefined) return { status: failure, body: {} }
  let form = ''
  for await (const chunk of incoming) form += chunk
  const query = new URL(incoming.url ?? '', 'http://x').searchParams
  const posted = new URLSearchParams(form)
  const isPost = incoming.method === 'POST'
  const scopes = isPost ? (posted.get('scope') ?? '').split(' ') : query.getAll('scope')
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const isKnown = isPost
    ? posted.get('refresh_token') === refreshToken
    : incoming.headers.authorization === expected
  const isAnonymous = !isPost && incoming.headers.authorization === undefined
  asked.push(
    `${incoming.method} ${scopes.join(' ')} as ${isKnown ? user : isAnonymous ? 'nobody' : 'a stranger'}`,
  )
  if (!isKnown && !isAnonymous) return { status: 401, body: { details: 'incorrect username or password' } }
  const token = tokenFor(scopes, isKnown, signer)
  return { status: 200, body: isPost ? { access_token: token, expires_in: 300 } : { token } }
}

/** Nobody may read `public`; whoever is known may do all. */
function tokenFor(scopes: readonly string[], isKnown: boolean, { key, x5c }: Signer): string {
  const access = scopes.filter(Boolean).map((scope) => {
    const [type, name, actions = ''] = scope.split(':')
    const granted = actions.split(',').filter((action) => isKnown || (action === 'pull' && name === 'public'))
    return { type, name, actions: granted }
  })
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: 'tokens',
    sub: 'x',
    aud: 'test',
    exp: now + 300,
    nbf: now - 10,
    iat: now,
    jti: randomUUID(),
    access,
  }
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${encode({ typ: 'JWT', alg: 'ES256', x5c: [x5c] })}.${encode(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
