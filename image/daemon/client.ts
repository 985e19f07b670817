/** The Docker engine's client for images: its options, whether it has an image, and its errors and progress. */
import type Dockerode from 'dockerode'
import { z } from 'zod'
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { withoutUrlSecrets } from '../../system/text/secrets.ts'
import type { Workspace } from '../../system/workspace.ts'
import type { OnProgress } from '../progress.ts'
import { familiarName, type Reference } from '../reference.ts'
import type { Digest } from '../types.ts'
import { ANSWER_MS, connectEngine, orCutShort } from './connection.ts'

export interface EngineOptions {
  readonly engine?: Dockerode | undefined
  readonly workspace?: Workspace | undefined
  readonly signal?: AbortSignal | undefined
  /** called while the engine saves an image */
  readonly onProgress?: OnProgress | undefined
  /** called with what a person should know, one line */
  readonly onNote?: ((text: string) => void) | undefined
}

/** As the engine calls it. */
export const nameOf = (reference: Reference | Digest): string =>
  typeof reference === 'string' ? reference : familiarName(reference)

/** HTTP status of dockerode's error. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined

/** An engine passes on what registries say, at any length, including URLs with signatures. */
export function wordsOf(cause: unknown): string {
  const text = withoutUrlSecrets(messageOf(cause)).replace(/^\(HTTP code \d+\) [a-z ]+ - /, '')
  return text.length > MAX_WORDS ? `${text.slice(0, MAX_WORDS)}…` : text
}

const MAX_WORDS = 2000

/** Whoever owns the socket, usually root and a group, may use the engine. @returns why we may not; undefined: it is not that */
export const socketRefusal = (cause: unknown): string | undefined =>
  ['EACCES', 'EPERM'].includes(codeOf(cause) ?? '')
    ? messageOf(cause).replace(/^[a-z ]+: /, 'permission denied: the Docker engine at ')
    : undefined

/** dockerode's failures in one line: no engine, none for us, or what the engine said. */
export function engineError(cause: unknown, what: string): HeadstartError {
  if (cause instanceof HeadstartError) return cause
  const refusal = socketRefusal(cause)
  if (refusal !== undefined)
    return new HeadstartError('E_ENGINE', refusal, {
      cause,
      hint: 'Run the command with sudo, or as a member of the docker group',
    })
  return (
    noEngine(cause) ??
    new HeadstartError('E_ENGINE', `the Docker engine failed to ${what}: ${wordsOf(cause)}`, { cause })
  )
}

/** @returns undefined: one answered, whatever it said */
export function noEngine(cause: unknown): HeadstartError | undefined {
  const known = orCutShort(cause)
  if (known instanceof HeadstartError) return known.code === 'E_ENGINE' ? known : undefined
  if (!['ENOENT', 'ECONNREFUSED', 'ENOTFOUND'].includes(codeOf(cause) ?? '')) return undefined
  return new HeadstartError('E_ENGINE', `no Docker engine answers: ${messageOf(cause)}`, {
    cause,
    hint: 'Start it, set DOCKER_HOST, or name the image with docker://, oci: or an archive',
  })
}

/** @throws HeadstartError E_ENGINE: there is none, none for us, or it hangs */
export async function requireAnswer({ engine, signal }: EngineOptions): Promise<void> {
  try {
    await (engine ?? (await connectEngine({ signal, limitMs: ANSWER_MS }))).ping()
  } catch (error) {
    signal?.throwIfAborted()
    throw engineError(error, 'answer')
  }
}

/** @returns whether the engine has it, or why it can't be asked */
export async function engineHas(
  reference: Reference,
  { engine, signal }: Pick<EngineOptions, 'engine' | 'signal'> = {},
): Promise<
  { readonly has: boolean } | { readonly has: undefined; readonly why: string; readonly refused: boolean }
> {
  try {
    const asked = engine ?? (await connectEngine({ signal, limitMs: ANSWER_MS }))
    await asked.getImage(familiarName(reference)).inspect()
    return { has: true }
  } catch (error) {
    signal?.throwIfAborted()
    if (statusOf(error) === 404) return { has: false }
    const refusal = socketRefusal(error)
    return { has: undefined, why: refusal ?? 'no Docker engine answers', refused: refusal !== undefined }
  }
}

const progressSchema = z.object({ error: z.string().optional() })

/** Reads an engine's stream of JSON lines to its end. @returns all lines; @throws Error with the engine's own words */
export function followed(
  engine: Dockerode,
  stream: NodeJS.ReadableStream,
  onLine?: (line: unknown) => void,
): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const ended = (error: Error | null, lines: unknown[]) => {
      const said = lines?.map((line) => progressSchema.safeParse(line).data?.error).find(Boolean)
      if (error || said) reject(error ?? new Error(said))
      else resolve(lines)
    }
    engine.modem.followProgress(stream, ended, onLine)
  })
}
