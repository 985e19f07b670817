/** Which Docker engine: `$DOCKER_HOST`, the context chosen with the docker command, or the usual socket; and how long it is waited for. */
import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type Docker from 'dockerode'
import { z } from 'zod'
import { codeOf, HeadstartError } from '../../system/errors.ts'
import { readSettings } from '../../system/files/read-whole.ts'
import { jsonIf } from '../../system/text/json.ts'
import { withoutUrlSecrets } from '../../system/text/secrets.ts'

const DEFAULT_HOST = 'unix:///var/run/docker.sock'
const SOCKET = 'unix://'

/** What an engine that works answers at once; one that doesn't in this time hangs. */
export const ANSWER_MS = 20_000

export interface Connecting {
  readonly env?: NodeJS.ProcessEnv
  /** ends every request, also one that is made after it */
  readonly signal?: AbortSignal | undefined
  /** counted from now, for all requests together; none by default */
  readonly limitMs?: number
}

/**
 * For its images.
 * @throws HeadstartError E_REMOTE_ENGINE: a context on another machine, whose certificates only the docker command can use; E_DOCKER_CONTEXT.
 * Requests fail with E_ENGINE if the engine doesn't answer within the limit, and with the signal's reason.
 */
export async function connectEngine(connecting: Connecting = {}): Promise<Docker> {
  const { env = process.env } = connecting
  const host = await engineHost(env)
  // Loaded here, since it is most of what a command loads, and most commands ask no engine.
  const { default: Client } = await import('dockerode')
  if (host.startsWith(SOCKET))
    return limited(new Client({ socketPath: host.slice(SOCKET.length) }), connecting)
  if (env.DOCKER_HOST) return limited(new Client(), connecting) // which reads it, and $DOCKER_TLS_VERIFY, itself
  throw remoteEngine(host, 'Set DOCKER_HOST to an engine, or name the image in a registry: docker://…')
}

/**
 * For running containers, which only one on this machine can do.
 * @throws HeadstartError E_REMOTE_ENGINE: it is on another machine, where our mounts don't exist; E_DOCKER_CONTEXT
 */
export async function connectLocalEngine(connecting: Connecting = {}): Promise<Docker> {
  const host = await engineHost(connecting.env ?? process.env)
  if (host.startsWith(SOCKET)) return connectEngine(connecting)
  throw remoteEngine(
    host,
    'The recording mount must be on the machine of the engine: run headstart there, or use --engine runc',
  )
}

function limited(docker: Docker, { signal, limitMs }: Connecting): Docker {
  requireWholeAnswers(docker)
  const limit = limitMs === undefined ? undefined : AbortSignal.timeout(limitMs)
  const signals = [signal, limit].filter((each) => each !== undefined)
  const dial = docker.modem.dial.bind(docker.modem)
  if (signals.length > 0)
    docker.modem.dial = (options, callback) => {
      const ours = options.abortSignal ? [options.abortSignal, ...signals] : signals
      dial({ ...options, abortSignal: AbortSignal.any(ours) }, (error, result) => {
        const isUnanswered = error !== null && limit?.aborted
        callback?.(isUnanswered ? unanswered(limitMs) : error && (signal?.reason ?? error), result)
      })
    }
  return docker
}

/** The client itself would wait for the rest of an answer for ever, if the engine ended in between. */
function requireWholeAnswers({ modem }: Docker): void {
  const dial = modem.dial.bind(modem)
  modem.dial = (options, callback) => {
    const fail = (cause: Error) => callback?.(options.abortSignal?.aborted ? cause : orCutShort(cause), null)
    if (options.isStream || options.hijack)
      return dial(options, (error, result) => (error ? fail(error) : callback?.(null, result)))
    dial({ ...options, isStream: true }, (error, result) => {
      if (error) return fail(error)
      if (!(result instanceof Readable)) return callback?.(null, result)
      buffer(result).then((body) => callback?.(null, jsonIf(body.toString(), z.unknown()) ?? body), fail)
    })
  }
}

/** How a connection that had been made ends: while something is sent, and while an answer is waited for. */
const CUT = new Set(['EPIPE', 'ECONNRESET'])

/** An error of the engine's client, in words if it is that the engine ended the connection. */
export const orCutShort = <E>(cause: E): E | HeadstartError =>
  CUT.has(codeOf(cause) ?? '') ? cutShort(cause) : cause

const cutShort = (cause: unknown): HeadstartError =>
  new HeadstartError('E_ENGINE', 'the Docker engine ended the connection before it had answered', {
    cause,
    hint: 'It may have been stopped or restarted: check whether docker ps responds',
  })

const unanswered = (limitMs = 0): HeadstartError =>
  new HeadstartError('E_ENGINE', `the Docker engine has not answered within ${limitMs / 1000} s`, {
    hint: 'It may have hung or be very busy: check whether docker ps responds',
  })

const remoteEngine = (host: string, hint: string): HeadstartError =>
  new HeadstartError('E_REMOTE_ENGINE', `the Docker engine at ${withoutUrlSecrets(host)} is remote`, {
    hint,
  })

/** As the docker command finds it: DOCKER_HOST, then DOCKER_CONTEXT, then the current context of its config. */
export async function engineHost(env: NodeJS.ProcessEnv): Promise<string> {
  if (env.DOCKER_HOST) return env.DOCKER_HOST
  const folder = env.DOCKER_CONFIG ?? join(homedir(), '.docker')
  const context = env.DOCKER_CONTEXT || (await currentContext(folder))
  return context === undefined || context === 'default' ? DEFAULT_HOST : hostOfContext(folder, context)
}

const configSchema = z.object({ currentContext: z.string().optional() })

async function currentContext(folder: string): Promise<string | undefined> {
  const text = await readSettings(join(folder, 'config.json')).catch(() => '{}')
  return jsonIf(text, configSchema)?.currentContext
}

const contextSchema = z.object({ Endpoints: z.object({ docker: z.object({ Host: z.string() }) }) })

async function hostOfContext(folder: string, context: string): Promise<string> {
  const id = createHash('sha256').update(context).digest('hex')
  const text = await readSettings(join(folder, 'contexts/meta', id, 'meta.json')).catch(() => '')
  const host = jsonIf(text, contextSchema)?.Endpoints.docker.Host
  if (host === undefined)
    throw new HeadstartError(
      'E_DOCKER_CONTEXT',
      `the Docker context ${JSON.stringify(context)} was not found`,
      {
        hint: 'See docker context ls, or set DOCKER_HOST',
      },
    )
  return host
}
