/** Lazy images in a registry, mounted through a proxy that sees what is asked for. */
import { join } from 'node:path'
import type { Artifact } from '../../../../image/referrers/artifact.ts'
import { serveImages } from '../../../../image/serve.ts'
import type { Image } from '../../../../image/types.ts'
import { HANG_MS } from '../../../../scripts/support/until.ts'
import { lazyTree } from '../../../../tracer/mount/lazy/tree.ts'
import { mountFileSystem } from '../../../../tracer/mount/mount.ts'
import { type Fault, startFaultProxy } from '../../../image/registry/fault-proxy.ts'
import { tempFolder } from '../../../support/temp.ts'

type TreeOptions = Omit<Parameters<typeof lazyTree>[0], 'reference' | 'prefetch'>

export interface Given extends TreeOptions {
  readonly attached?: readonly Artifact[]
  /** what goes wrong at a path of the registry */
  readonly fault?: (path: string) => Fault | undefined
}

/** Streamed, on the kernel's protocol. Its profile is waited for, however slow the machine is. */
export async function mountServed(image: Image, { attached = [], fault, profile, ...options }: Given) {
  const stack = new AsyncDisposableStack()
  const server = stack.use(await serveImages({ 'app:1': image }, { app: attached }))
  const proxy = stack.use(await startFaultProxy(server.host, (_, { path }) => fault?.(path)))
  const own = stack.use(await tempFolder())
  try {
    const mount = stack.use(
      await mountFileSystem({
        mountPoint: await own.sub('mount'),
        tree: {
          ...lazyTree({
            ...options,
            ...(profile && { profile: { patienceMs: HANG_MS, ...profile } }),
            reference: `docker://${proxy.host}/app:1`,
            prefetch: 'stream',
          }),
          cacheFolder: await own.sub('cache'),
        },
        record: false,
        server: 'kernel',
      }),
    )
    const at = (name: string) => join(mount.folder, name)
    return { mount, at, proxy, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}
