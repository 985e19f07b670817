/**
 * The runtime that needs nothing but this machine: our lazy mount, or for a full pull our own registry client and unpacker, working as
 * containerd does; and the container on one of our engines.
 */

import { epochMs } from '../../../system/clock.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { chooseEngine } from '../../../tracer/container/index.ts'
import { type LazyTree, lazyTree } from '../../../tracer/mount/lazy-tree.ts'
import { stackRootfs } from '../../../tracer/mount/rootfs.ts'
import type { Phase } from '../file.ts'
import { lastManifestEnd } from '../link/requests.ts'
import { fullPull } from './full-pull.ts'
import { startUntilReady } from './start.ts'
import type { Cycle, Runtime, Started } from './types.ts'

/** The lazy mount keeps what it unpacked; it must not fill memory that a sample of another arm would have. */
const MEMORY_BYTES = 64 << 20

export interface PulledRoot {
  readonly folder: string
  /** ms since 1970 */
  readonly ends: Pick<Record<Phase, number>, 'resolve' | 'tocs' | 'prefetch'>
  readonly unpack: Started['unpack']
}

export const builtinRuntime: Runtime = {
  arms: ['legacy', 'lazy', 'optimized', 'other'],
  open: async () => ({
    name: 'builtin',
    programs: ['runc'],
    versions: {},
    chosen: undefined,
    prepare: async (cycle) => ({ run: () => pullAndStart(cycle), async [Symbol.asyncDispose]() {} }),
    async [Symbol.asyncDispose]() {},
  }),
}

async function pullAndStart(cycle: Cycle): Promise<Started> {
  const engine = await chooseEngine(cycle.start.engine)
  await using stack = new AsyncDisposableStack()
  const root = cycle.kind === 'legacy' ? await fullPull(cycle) : await lazyRoot(cycle, stack)
  const container = stack.use(await startUntilReady(cycle, engine, root.folder))
  const ends = { ...root.ends, create: container.startedAt, ready: container.readyAt }
  const startedAt = await firstRequestAt(cycle)
  const owned = stack.move()
  return {
    marks: { startedAt, ends },
    unpack: root.unpack,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The clock starts with the first request: the mount's process stands for a snapshotter's daemon, which would be running already. */
const firstRequestAt = async (cycle: Cycle): Promise<number> =>
  (await cycle.requests())[0]?.startedAt ?? epochMs()

/** The image behind the link, for the lazy mount; the arm without a zone doesn't prefetch. */
export const lazyTreeOf = (cycle: Cycle, cacheFolder: string): LazyTree => ({
  ...lazyTree({
    reference: `docker://${cycle.host}/${cycle.name}`,
    prefetch: cycle.kind !== 'lazy',
    memoryBytes: MEMORY_BYTES,
    insecure: true,
  }),
  cacheFolder,
})

async function lazyRoot(cycle: Cycle, stack: AsyncDisposableStack): Promise<PulledRoot> {
  const { workspace, signal } = cycle
  const rootfs = stack.use(
    await stackRootfs({
      workspace,
      tree: lazyTreeOf(cycle, await workspace.sub('cache')),
      record: false,
      ...(signal && { signal }),
    }),
  )
  const { lazy } = rootfs.mount
  if (!lazy) throw new HeadstartError('E_FUSE', 'the lazy mount said nothing of how it was opened')
  // The mount's process has another clock: what both see is the end of the last request for a manifest or config.
  const resolve = lastManifestEnd(await cycle.requests(), cycle.image, await firstRequestAt(cycle))
  const tocs = resolve + lazy.tocMs
  return { folder: rootfs.folder, ends: { resolve, tocs, prefetch: tocs + lazy.prefetchMs }, unpack: [] }
}
