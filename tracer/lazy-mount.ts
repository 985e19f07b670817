/** An eStargz image mounted without pulling it: what `headstart mount` and the benchmark's built-in runtime stand on. */
import { parseConfig } from '../image/manifest.ts'
import type { ImageConfig } from '../image/types.ts'
import type { Workspace } from '../image/workspace.ts'
import type { LazySummary } from './fuse/messages.ts'
import { type Mount, mountFileSystem, type TreeSpec } from './fuse/mount.ts'
import { type Rootfs, stackRootfs } from './rootfs.ts'

export interface LazyOptions {
  /** as `openSource` takes it: a registry's image, `oci:FOLDER`, … Credentials are found as for a pull. */
  readonly reference: string
  /** os/architecture[/variant] */
  readonly platform?: string
  /** Fetch each layer's zone before the mount counts as done. */
  readonly prefetch: boolean
  readonly insecure?: boolean
  readonly caFile?: string
  /** decoded content kept in memory */
  readonly memoryBytes?: number
  /** decoded content kept on disk */
  readonly diskBytes?: number
  readonly signal?: AbortSignal
}

const DEFAULT_MEMORY_BYTES = 256 << 20
const DEFAULT_DISK_BYTES = 16 * 2 ** 30

export interface LazyMount extends Mount {
  readonly config: ImageConfig
  /** how long each step of the pull took, and what was mounted */
  readonly lazy: LazySummary
}

/**
 * Mounts read-only at an empty folder.
 * @throws HeadstartError E_NOT_ESTARGZ, E_ROOT, E_FUSE, E_LIBFUSE, and what opening the image throws
 */
export async function mountLazy(
  options: LazyOptions & { readonly mountPoint: string; readonly cacheFolder: string },
): Promise<LazyMount> {
  const mount = await mountFileSystem({
    mountPoint: options.mountPoint,
    tree: { ...lazyTree(options), cacheFolder: options.cacheFolder },
    record: false,
    ...(options.signal && { signal: options.signal }),
  })
  return { ...mount, ...summaryOf(mount) }
}

export interface LazyRootfs extends Rootfs {
  readonly config: ImageConfig
  readonly lazy: LazySummary
}

/** The same below a writable overlay, all in a workspace: a container's root. */
export async function stackLazyRootfs(
  options: LazyOptions & {
    readonly workspace: Workspace
    readonly record: boolean
    readonly readaheadKiB?: number
  },
): Promise<LazyRootfs> {
  const { workspace, record, readaheadKiB, signal } = options
  const rootfs = await stackRootfs({
    workspace,
    tree: { ...lazyTree(options), cacheFolder: await workspace.sub('cache') },
    record,
    ...(readaheadKiB !== undefined && { readaheadKiB }),
    ...(signal && { signal }),
  })
  return { ...rootfs, ...summaryOf(rootfs.mount) }
}

export type LazyTree = Extract<TreeSpec, { kind: 'lazy' }>

export function lazyTree(options: LazyOptions): Omit<LazyTree, 'cacheFolder'> {
  return {
    kind: 'lazy',
    reference: options.reference,
    ...(options.platform !== undefined && { platform: options.platform }),
    prefetch: options.prefetch,
    memoryBytes: options.memoryBytes ?? DEFAULT_MEMORY_BYTES,
    diskBytes: options.diskBytes ?? DEFAULT_DISK_BYTES,
    insecure: options.insecure ?? false,
    ...(options.caFile !== undefined && { caFile: options.caFile }),
  }
}

function summaryOf({ lazy }: Mount): { config: ImageConfig; lazy: LazySummary } {
  if (!lazy) throw new Error('the mount is not a lazy one')
  return { lazy, config: parseConfig(Buffer.from(lazy.rawConfig, 'base64'), lazy.reference) }
}
