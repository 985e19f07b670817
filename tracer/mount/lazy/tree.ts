/** The description of an eStargz image for a mount, to be read by ranges rather than pulled. Pure. */
import type { TreeSpec } from '../messages.ts'

interface LazyOptions {
  /** as `openSource` takes it: a registry's image, `oci:FOLDER`, … Credentials are found as for a pull. */
  readonly reference: string
  /** os/architecture[/variant] */
  readonly platform?: string
  readonly prefetch: LazyTree['prefetch']
  readonly profile?: LazyTree['profile']
  readonly background?: boolean
  readonly cache?: LazyTree['cache']
  readonly insecure?: boolean
  readonly caFile?: string
  /** decoded content kept in memory */
  readonly memoryBytes?: number
}

const DEFAULT_MEMORY_BYTES = 256 << 20
/** What a shared cache has need not be in memory, too, for as long as a container runs. */
const CACHED_MEMORY_BYTES = 64 << 20
/** For decoded content that does not fit in memory. */
const DISK_BYTES = 16 * 2 ** 30

export type LazyTree = Extract<TreeSpec, { kind: 'lazy' }>

/** Each mount also needs a cache folder of its own. */
export function lazyTree(options: LazyOptions): Omit<LazyTree, 'cacheFolder'> {
  return {
    kind: 'lazy',
    reference: options.reference,
    ...(options.platform !== undefined && { platform: options.platform }),
    prefetch: options.prefetch,
    ...(options.profile && { profile: options.profile }),
    ...(options.background !== undefined && { background: options.background }),
    ...(options.cache && { cache: options.cache }),
    memoryBytes: options.memoryBytes ?? (options.cache ? CACHED_MEMORY_BYTES : DEFAULT_MEMORY_BYTES),
    diskBytes: DISK_BYTES,
    insecure: options.insecure ?? false,
    ...(options.caFile !== undefined && { caFile: options.caFile }),
  }
}
