/**
 * The runtime that needs nothing installed: headstart's lazy mount, or for a full pull its own registry client and unpacker, which work
 * as containerd does; and the container on one of headstart's engines.
 */

import { epochMs } from '../../../system/clock.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { chooseEngine } from '../../../tracer/container/index.ts'
import type { Ground } from '../../../tracer/container/readiness/ready-on.ts'
import { type LazyTree, lazyTree } from '../../../tracer/mount/lazy/tree.ts'
import { type Mount, requireFuse } from '../../../tracer/mount/mount.ts'
import { stackRootfs } from '../../../tracer/mount/stack-rootfs.ts'
import { lastManifestEnd } from '../link/requests.ts'
import { fullPull } from './full-pull.ts'
import type { Cycle, PulledRoot, ReadyCycle, Runtime, Starter } from './types.ts'

/** The lazy mount caches what it unpacked; the cache must not use memory that a sample of another arm would have. */
const MEMORY_BYTES = 64 << 20

export const builtinRuntime: Runtime = {
  arms: ['legacy', 'lazy', 'optimized', 'other'],
  async open({ starter }) {
    // What is missing must not show after the images were pulled.
    await requireFuse()
    await chooseEngine(starter.settings.engine)
    return {
      name: 'builtin',
      programs: ['runc'],
      versions: {},
      prepareCycle: async (cycle) => ({
        run: () => pullAndStart(cycle, starter),
        async [Symbol.asyncDispose]() {},
      }),
      async [Symbol.asyncDispose]() {},
    }
  },
}

async function pullAndStart(cycle: Cycle, starter: Starter): Promise<ReadyCycle> {
  const engine = await chooseEngine(starter.settings.engine, { signal: cycle.signal })
  await using stack = new AsyncDisposableStack()
  const root = cycle.kind === 'legacy' ? await fullPull(cycle) : await lazyRoot(cycle, stack)
  const container = stack.use(await starter.start(cycle, engine, root.folder, root))
  const ends = { ...root.ends, create: container.startedAt, ready: container.readyAt }
  const startedAt = await firstRequestAt(cycle)
  const owned = stack.move()
  return {
    marks: { startedAt, ends },
    unpack: root.unpack,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The clock starts with the first request: the mount's process stands in for a snapshotter's daemon, which would already be running. */
const firstRequestAt = async (cycle: Cycle): Promise<number> =>
  (await cycle.requests())[0]?.startedAt ?? epochMs()

/** The staged image, read lazily through the link. The arm without a zone does not prefetch. */
export const lazyTreeOf = (cycle: Cycle, cacheFolder: string): LazyTree => ({
  ...lazyTree({
    reference: `docker://${cycle.host}/${cycle.name}`,
    prefetch: cycle.kind === 'lazy' ? 'none' : 'zone',
    memoryBytes: MEMORY_BYTES,
    insecure: true,
  }),
  cacheFolder,
})

/** It answers whatever is asked as long as it is there. */
export const groundOf = ({ died, counters }: Mount): Ground => ({ died, isThere: counters })

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
  if (!lazy) throw new HeadstartError('E_FUSE', 'the lazy mount did not report its timings')
  // The mount's process reports durations only. Both processes see when the last request for a manifest or the config ended.
  const resolve = lastManifestEnd(await cycle.requests(), cycle.layers, await firstRequestAt(cycle))
  const tocs = resolve + lazy.tocMs
  return {
    folder: rootfs.folder,
    ground: groundOf(rootfs.mount),
    ends: { resolve, tocs, prefetch: tocs + lazy.prefetchMs },
    unpack: [],
  }
}
