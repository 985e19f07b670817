/** How a registry's host is reached: scheme, certificates, and a connection pool. */
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { MAX_SETTINGS_BYTES, readInput } from '../../system/files/read-whole.ts'
import { DEFAULT_HOST } from '../reference.ts'
import { findCertificates } from './certificates.ts'
import { discard, exchange } from './request.ts'

export interface EndpointOptions {
  /** plain HTTP and untrusted certificates are accepted; on the loopback they always are */
  readonly insecure?: boolean | undefined
  /** PEM file of certificate authorities to trust instead of the system's and those of `certs.d` */
  readonly caFile?: string | undefined
  /** how long a server may be silent before a request is aborted and retried; a minute by default */
  readonly silenceMs?: number | undefined
}

export interface Endpoint {
  /** `https://registry.example:5000` */
  readonly origin: string
  readonly insecure: boolean
  readonly agent: Dispatcher
  /** how long the server may be silent */
  readonly silenceMs: number
}

const SILENCE_MS = 60_000
const CONNECT_MS = 15_000

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host)

/** @throws HeadstartError E_CA_FILE, E_CERTIFICATES, E_REGISTRY */
export async function findEndpoint(
  host: string,
  options: EndpointOptions,
  signal?: AbortSignal,
): Promise<Endpoint> {
  const insecure = options.insecure === true || isLoopback(host)
  const certificates = await findCertificates(host)
  const ca = options.caFile === undefined ? certificates.ca : await readAuthority(options.caFile)
  const tls = { ...certificates, rejectUnauthorized: !insecure || ca !== undefined, ...(ca && { ca }) }
  const { silenceMs = SILENCE_MS } = options
  const timeouts = { headersTimeout: silenceMs, bodyTimeout: silenceMs }
  // HTTPS_PROXY and NO_PROXY work as in other tools, but never for the loopback.
  const agent = isLoopback(host)
    ? new Agent({ ...timeouts, connect: { timeout: CONNECT_MS, ...tls } })
    : proxyAgent({ ...timeouts, connect: { timeout: CONNECT_MS, ...tls }, requestTls: tls })
  const name = host === DEFAULT_HOST ? 'registry-1.docker.io' : host
  const isPlain = insecure && ca === undefined && (await speaksHttp(name, agent, signal))
  return { origin: `${isPlain ? 'http' : 'https'}://${name}`, insecure, agent, silenceMs }
}

/** @throws HeadstartError E_REGISTRY. Without a cause, which would quote the proxy's password. */
function proxyAgent(options: EnvHttpProxyAgent.Options): Dispatcher {
  try {
    return new EnvHttpProxyAgent(options)
  } catch {
    throw new HeadstartError(
      'E_REGISTRY',
      'the proxy that HTTPS_PROXY or HTTP_PROXY names is not a valid URL',
      {
        hint: 'Write it as http://[USER:PASSWORD@]HOST[:PORT], with special characters of the password as %XX',
      },
    )
  }
}

/** @throws HeadstartError E_CA_FILE */
export async function readAuthority(file: string): Promise<string> {
  try {
    return await readInput(file, MAX_SETTINGS_BYTES)
  } catch (cause) {
    throw new HeadstartError(
      'E_CA_FILE',
      `the file of certificate authorities can't be read: ${messageOf(cause)}`,
      {
        cause,
      },
    )
  }
}

/** A TLS server answers plain HTTP with 400, or closes the connection. If nothing listens, the real request will say so. */
async function speaksHttp(
  host: string,
  agent: Dispatcher,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    const response = await exchange(agent, {
      origin: `http://${host}`,
      path: '/v2/',
      method: 'GET',
      signal,
    })
    await discard(response)
    return response.statusCode !== 400
  } catch {
    signal?.throwIfAborted()
    return false
  }
}
