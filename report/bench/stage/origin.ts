/** The registry behind the link, in a thread of its own: what it does must not slow the runtimes that are measured. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Platform } from '../../../image/types.ts'
import { HeadstartError } from '../../../system/errors.ts'
import type { RegistryAccess } from './stage.ts'

export interface OriginOrder {
  readonly images: readonly ServedImage[]
  readonly registry: RegistryAccess
}

export interface Origin extends AsyncDisposable {
  /** `127.0.0.1:PORT`, plain HTTP */
  readonly host: string
}

export interface ServedImage {
  /** `name:tag` */
  readonly name: string
  /** for `openSource` */
  readonly reference: string
  readonly platform: Platform
}

export async function startOrigin(
  images: readonly ServedImage[],
  registry: RegistryAccess = {},
): Promise<Origin> {
  const workerData: OriginOrder = { images, registry }
  const worker = new Worker(new URL('./origin-server.ts', import.meta.url), { workerData })
  const [host]: unknown[] = await once(worker, 'message')
  if (typeof host !== 'string')
    throw new HeadstartError('E_LINK', 'the registry behind the link did not start')
  return { host, [Symbol.asyncDispose]: async () => void (await worker.terminate()) }
}
