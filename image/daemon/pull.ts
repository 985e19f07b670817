/** The Docker engine pulls an image from its registry, with the credentials that `docker login` saved for whoever asks it to. */
import type Dockerode from 'dockerode'
import { z } from 'zod'
import { HeadstartError } from '../../system/errors.ts'
import { formatPlatform } from '../platform.ts'
import type { Reference } from '../reference.ts'
import { type Credentials, findCredentials } from '../registry/auth/credentials.ts'
import type { Platform } from '../types.ts'
import { followed, nameOf, wordsOf } from './client.ts'

export interface PullOptions {
  /** the engine's own without */
  readonly platform?: Platform | undefined
  readonly signal?: AbortSignal | undefined
  readonly onPull?: ((progress: PullProgress) => void) | undefined
}

/** Bytes as stored, of the layers that the engine has begun to fetch. */
export interface PullProgress {
  readonly done: number
  readonly total: number
}

/** @throws HeadstartError E_IMAGE_NOT_FOUND with the engine's words, E_CREDENTIALS */
export async function pullIntoEngine(
  engine: Dockerode,
  reference: Reference,
  { platform, signal, onPull }: PullOptions = {},
): Promise<void> {
  const name = nameOf(reference)
  const credentials = await findCredentials(reference.host, reference.repository)
  try {
    const stream = await engine.pull(name, {
      ...(platform && { platform: formatPlatform(platform) }),
      ...(credentials && { authconfig: authOf(credentials, reference.host) }),
    })
    await followed(engine, stream, onPull && pullCounter(onPull))
  } catch (cause) {
    signal?.throwIfAborted()
    throw new HeadstartError(
      'E_IMAGE_NOT_FOUND',
      `the Docker engine has no image ${name} and can't pull it: ${wordsOf(cause)}`,
      { cause },
    )
  }
}

const downloading = z.object({
  status: z.literal('Downloading'),
  id: z.string(),
  progressDetail: z.object({ current: z.number(), total: z.number() }),
})

/** @returns takes the engine's lines, most of which are about something else */
export function pullCounter(onPull: (progress: PullProgress) => void): (line: unknown) => void {
  const layers = new Map<string, { readonly current: number; readonly total: number }>()
  return (line) => {
    const { data } = downloading.safeParse(line)
    if (!data) return
    layers.set(data.id, data.progressDetail)
    const sum = (of: 'current' | 'total') => [...layers.values()].reduce((all, layer) => all + layer[of], 0)
    onPull({ done: sum('current'), total: sum('total') })
  }
}

/** As the engine's API takes them, in a header of the request. Source: Docker's API, "Authentication". */
function authOf(credentials: Credentials, host: string): Readonly<Record<string, string>> {
  const { kind } = credentials
  if (kind === 'password')
    return { username: credentials.user, password: credentials.password, serveraddress: host }
  return { [kind === 'identity' ? 'identitytoken' : 'registrytoken']: credentials.token, serveraddress: host }
}
