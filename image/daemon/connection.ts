/** Which Docker engine: `$DOCKER_HOST`, the context chosen with the docker command, or the usual socket. */
import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import Docker from 'dockerode'
import { z } from 'zod'
import { HeadstartError } from '../../system/errors.ts'
import { jsonIf } from '../../system/json.ts'
import { readSettings } from '../../system/read-whole.ts'
import { withoutUrlSecrets } from '../../system/secrets.ts'

const DEFAULT_HOST = 'unix:///var/run/docker.sock'
const SOCKET = 'unix://'

/**
 * For its images.
 * @throws HeadstartError E_REMOTE_ENGINE: a context on another machine, whose certificates only the docker command can use; E_DOCKER_CONTEXT
 */
export async function connectEngine(env: NodeJS.ProcessEnv = process.env): Promise<Docker> {
  const host = await engineHost(env)
  if (host.startsWith(SOCKET)) return new Docker({ socketPath: host.slice(SOCKET.length) })
  if (env.DOCKER_HOST) return new Docker() // which reads it, and $DOCKER_TLS_VERIFY, itself
  throw remoteEngine(host, 'Set DOCKER_HOST to an engine, or name the image in a registry: docker://…')
}

/**
 * For running containers, which only one on this machine can do.
 * @throws HeadstartError E_REMOTE_ENGINE: it is on another machine, where our mounts don't exist; E_DOCKER_CONTEXT
 */
export async function connectLocalEngine(env: NodeJS.ProcessEnv = process.env): Promise<Docker> {
  const host = await engineHost(env)
  if (host.startsWith(SOCKET)) return connectEngine(env)
  throw remoteEngine(
    host,
    'The recording mount must be on the machine of the engine: run headstart there, or use --engine runc',
  )
}

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
