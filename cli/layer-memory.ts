/** Opens what earlier rebuilds remember of layers. */
import type { LayerMemory } from '../optimizer/known/known-layers.ts'
import { openDiskCache } from '../system/cache/disk-cache.ts'
import type { CacheRequest } from './flags/cache.ts'

export interface OpenMemory extends AsyncDisposable {
  /** undefined: there is none */
  readonly memory: LayerMemory | undefined
}

/**
 * The usual folder may not be there to be used, as in a container without a disk: then all is made again, as without one.
 * @throws HeadstartError E_CACHE: a folder that a person named can't be used
 */
export async function openMemory(
  request: CacheRequest | undefined,
  { version }: { readonly version: string },
): Promise<OpenMemory> {
  const cache =
    request &&
    (await openDiskCache(request).catch((error: unknown) => {
      if (request.isNamed) throw error
      return undefined
    }))
  return {
    memory: cache && { cache, version },
    [Symbol.asyncDispose]: async () => cache?.close(),
  }
}
