/** One recorded start: mounts the root, runs the container, waits until it is ready, and turns the recording into a trace. */
import { setTimeout as sleep } from 'node:timers/promises'
import { digestOf } from '../image/digest.ts'
import type { UnpackProgress } from '../image/rootfs/unpack/layers.ts'
import type { Image } from '../image/types.ts'
import { monotonicMs } from '../system/clock.ts'
import { HeadstartError } from '../system/errors.ts'
import { createWorkspace } from '../system/workspace.ts'
import { type Sweeper, sweep } from './cleanup.ts'
import { chooseEngine } from './container/index.ts'
import { planProcess } from './container/options/process.ts'
import type { RunOptions } from './container/options/run-options.ts'
import type { ReadyCheck } from './container/readiness/readiness.ts'
import { readyOn } from './container/readiness/ready-on.ts'
import { aborted, startContainer } from './container/start.ts'
import type { Container, Engine, EngineName, OutputStream } from './container/types.ts'
import { chooseTree, type Tree } from './mount/choose-tree.ts'
import { type Mount, requireFuse, type ServerName } from './mount/mount.ts'
import { stackRootfs } from './mount/stack-rootfs.ts'
import { buildTrace } from './trace/build.ts'
import type { Trace } from './trace/file.ts'
import { mergeTraces } from './trace/merge.ts'

export interface ProfileOptions {
  readonly image: Image
  /** replaces the image's `Cmd`, unless empty */
  readonly command: readonly string[]
  readonly engine?: EngineName
  readonly run?: RunOptions
  readonly ready: ReadyCheck
  /** how long to wait for readiness, in ms; not with `period` */
  readonly timeoutMs?: number
  /** how long to keep recording after ready, in ms; what is read then is marked as such */
  readonly graceMs?: number
  /** Runs after ready, before the recording ends: requests of a warm-up script. */
  readonly workload?: (container: Container, signal: AbortSignal) => Promise<void>
  /** number of starts to record and merge; 1 by default */
  readonly runs?: number
  /** how to open an eStargz image again for lazy reading */
  readonly source?: { readonly insecure?: boolean; readonly caFile?: string }
  /** what serves the recording mount; fuse-native by default */
  readonly server?: ServerName
  /** of the recording mount; 128 by default, the kernel's own */
  readonly readaheadKiB?: number
  readonly input?: NodeJS.ReadableStream
  readonly onOutput?: (stream: OutputStream, chunk: Buffer) => void
  readonly onProgress?: (progress: { files: number; bytes: number; seconds: number }) => void
  /** while the image's layers are unpacked, if they have to be */
  readonly onUnpack?: (progress: UnpackProgress) => void
  readonly onWarning?: (text: string) => void
  readonly onNote?: (text: string) => void
  readonly onPhase?: (phase: 'preparing' | 'running' | 'ready') => void
  /** ends the recording and keeps the trace. Asked for once a container runs or has written something: before that there is nothing to keep. */
  readonly finish?: () => AbortSignal
  /** ends the recording and discards it */
  readonly abort?: AbortSignal
  /** remove what killed commands of higher floors left behind */
  readonly sweepers?: readonly Sweeper[]
  /** name and version for the trace */
  readonly tool: string
}

export interface Profile {
  readonly trace: Trace
  /** if the container ended by itself */
  readonly exitCode?: number
}

const DEFAULT_READAHEAD_KIB = 128
const PROGRESS_MS = 250

/**
 * Records one start, or several and merges them.
 * @throws HeadstartError E_EXIT: the container ended before it was ready; E_READY_TIMEOUT; E_ENGINE, E_ROOT, E_FUSE, E_LIBFUSE,
 * E_RUN, E_NO_COMMAND, E_USER, E_OPTION
 */
export async function profileImage(options: ProfileOptions): Promise<Profile> {
  const { image, abort, finish, runs = 1 } = options
  planProcess(image.config.process, options.run ?? {}, options.command) // fails before anything is made
  await requireFuse()
  const engine = await chooseEngine(options.engine, { onNote: options.onNote, signal: abort })
  await sweep(options.sweepers)
  options.onPhase?.('preparing')
  await using workspace = await createWorkspace()
  const tree = await chooseTree(image, workspace, options.source ?? {}, {
    ...(abort && { signal: abort }),
    ...(options.onWarning && { onWarning: options.onWarning }),
    ...(options.onUnpack && { onProgress: options.onUnpack }),
  })
  const profiles: Profile[] = []
  while (profiles.length < runs && !(profiles.length > 0 && finish?.().aborted))
    profiles.push(await recordStart(tree, engine, options))
  const { exitCode } = profiles.at(-1) ?? {}
  return {
    trace: mergeTraces(profiles.map(({ trace }) => trace)),
    ...(exitCode !== undefined && { exitCode }),
  }
}

/** One start on a mount of its own, so that nothing from the previous start is cached. */
async function recordStart(tree: Tree, engine: Engine, options: ProfileOptions): Promise<Profile> {
  const { image, abort } = options
  await using workspace = await createWorkspace()
  await using rootfs = await stackRootfs({
    workspace,
    tree: 'folder' in tree ? tree : { ...tree, cacheFolder: await workspace.sub('cache') },
    record: true,
    ...(options.server && { server: options.server }),
    readaheadKiB: options.readaheadKiB ?? DEFAULT_READAHEAD_KIB,
    ...(abort && { signal: abort }),
  })
  const { mount } = rootfs
  if (mount.lazy) checkSame(image, mount.lazy)
  await using started = await startContainer({
    engine,
    workspace,
    root: rootfs.folder,
    plainRoot: rootfs.plain,
    config: image.config.process,
    command: options.command,
    ready: options.ready,
    beforeStart: () => mount.restart(),
    ...given(options),
  })
  options.onPhase?.('running')
  using _progress = reportProgress(mount, started.startedAt.monotonic, options.onProgress)
  const { ready, exitCode } = await readyOn(started, { died: mount.died, isThere: () => mount.progress() })
  await mount.markReady()
  options.onPhase?.('ready')
  if (exitCode === undefined && ready.by !== 'interrupt') await recordOn(started.container, options)
  abort?.throwIfAborted()
  const trace = buildTrace({
    tool: options.tool,
    image,
    engine: engine.name,
    command: started.args,
    ready,
    startedAt: started.startedAt,
    endedAt: monotonicMs(),
    mount,
    recording: await mount.recording(),
    // On a lazy image, finding out would fetch half of it.
    unused: mount.lazy ? undefined : await mount.unused(),
  })
  return { trace, ...(exitCode !== undefined && { exitCode }) }
}

/** A tag may have moved between the two times that the image was opened. */
function checkSame(image: Image, { rawManifest }: NonNullable<Mount['lazy']>): void {
  const digest = digestOf(Buffer.from(rawManifest, 'base64'))
  if (digest !== image.descriptor.digest)
    throw new HeadstartError(
      'E_IMAGE_CHANGED',
      `${image.reference} changed from ${image.descriptor.digest} to ${digest} while it was being opened`,
      { hint: 'Run the command again, or refer to the image by its digest' },
    )
}

/** The optional ones that `startContainer` takes, if given. */
function given({ run, timeoutMs, input, onOutput, finish, abort }: ProfileOptions) {
  return {
    ...(run && { run }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(input && { input }),
    ...(onOutput && { onOutput }),
    ...(finish && { finish }),
    ...(abort && { abort }),
  }
}

async function recordOn(container: Container, options: ProfileOptions): Promise<void> {
  const { workload, graceMs = 0, finish, abort } = options
  const over = new AbortController()
  const signals = [over.signal, ...(abort ? [abort] : [])]
  const signal = AbortSignal.any(signals)
  try {
    const work = async () => {
      await workload?.(container, signal)
      if (graceMs > 0) await sleep(graceMs, undefined, { signal })
    }
    await Promise.race([work(), container.exited.then(() => {}), aborted(finish?.(), signal)])
  } finally {
    over.abort()
  }
}

function reportProgress(
  mount: Mount,
  startedAt: number,
  onProgress: ProfileOptions['onProgress'],
): Disposable {
  const tick = async () => {
    const progress = await mount.progress().catch(() => undefined) // the mount may be shutting down
    if (progress) onProgress?.({ ...progress, seconds: (monotonicMs() - startedAt) / 1000 })
  }
  const timer = onProgress && setInterval(tick, PROGRESS_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
