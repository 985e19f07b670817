/** The registry behind the link, in a thread of its own: what it does must not slow the runtimes that are measured. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { HeadstartError } from '../../image/errors.ts'

export interface Origin extends AsyncDisposable {
  /** `127.0.0.1:PORT`, plain HTTP */
  readonly host: string
}

/** @param images `name:tag` to what `openSource` takes */
export async function startOrigin(images: Readonly<Record<string, string>>): Promise<Origin> {
  const worker = new Worker(new URL('./origin-server.ts', import.meta.url), { workerData: { images } })
  const [host]: unknown[] = await once(worker, 'message')
  if (typeof host !== 'string')
    throw new HeadstartError('E_LINK', 'the registry behind the link did not start')
  return { host, [Symbol.asyncDispose]: async () => void (await worker.terminate()) }
}
