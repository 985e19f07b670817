/** One recorded start: stacks the root, runs the container, waits until it is ready, and turns what was seen into a trace. */
import { setTimeout as sleep } from 'node:timers/promises'
import { HeadstartError } from '../image/errors.ts'
import type { Image } from '../image/types.ts'
import { createWorkspace } from '../image/workspace.ts'
import { sweep } from './cleanup.ts'
import { chooseEngine } from './engine/index.ts'
import { planProcess } from './engine/process.ts'
import type { RunOptions } from './engine/run-options.ts'
import type { Container, EngineName, OutputStream } from './engine/types.ts'
import type { Mount } from './fuse/mount.ts'
import { monotonicMs } from './fuse/recording.ts'
import { createOutputLog, type OutputLog } from './output-log.ts'
import { type Ready, type ReadyCheck, waitReady } from './readiness.ts'
import { stackRootfs } from './rootfs.ts'
import type { Trace } from './trace.ts'
import { buildTrace } from './trace-build.ts'
import { imageTree } from './tree.ts'

export interface ProfileOptions {
  readonly image: Image
  /** replaces the image's `Cmd`, unless empty */
  readonly command: readonly string[]
  readonly engine?: EngineName
  readonly run?: RunOptions
  readonly ready: ReadyCheck
  /** ms to wait for readiness at most; not with `period` */
  readonly timeoutMs?: number
  /** ms to record on after ready; what is read then is marked so */
  readonly graceMs?: number
  /** Requests after ready, before the recording ends: a workload to warm up with. */
  readonly workload?: (container: Container, signal: AbortSignal) => Promise<void>
  /** of the recording mount; 128 by default, the kernel's own */
  readonly readaheadKiB?: number
  readonly input?: NodeJS.ReadableStream
  readonly onOutput?: (stream: OutputStream, chunk: Buffer) => void
  readonly onProgress?: (progress: { files: number; bytes: number; seconds: number }) => void
  readonly onPhase?: (phase: 'preparing' | 'running' | 'ready') => void
  /** ends the recording and keeps the trace */
  readonly finish?: AbortSignal
  /** drops everything */
  readonly abort?: AbortSignal
  /** name and version for the trace */
  readonly tool: string
}

export interface Profile {
  readonly trace: Trace
  /** where the container ended by itself */
  readonly exitCode: number | undefined
}

const DEFAULT_READAHEAD_KIB = 128
const DEFAULT_TIMEOUT_MS = 120_000
const PROGRESS_MS = 250

/**
 * @throws HeadstartError E_EXIT: the container ended before it was ready; E_READY_TIMEOUT; E_ENGINE, E_ROOT, E_FUSE, E_LIBFUSE,
 * E_RUN, E_NO_COMMAND, E_USER, E_OPTION
 */
export async function profileImage(options: ProfileOptions): Promise<Profile> {
  const { image, abort, run = {} } = options
  const process = planProcess(image.config.process, run, options.command)
  const engine = await chooseEngine(options.engine)
  await sweep()
  options.onPhase?.('preparing')
  await using workspace = await createWorkspace()
  await using rootfs = await stackRootfs({
    workspace,
    tree: await imageTree(image, workspace, abort),
    record: true,
    readaheadKiB: options.readaheadKiB ?? DEFAULT_READAHEAD_KIB,
    ...(abort && { signal: abort }),
  })
  const log = createOutputLog()
  let startedAt = { monotonic: 0, date: new Date() }
  await using container = await engine.run({
    id: workspace.id,
    folder: workspace.folder,
    root: rootfs.folder,
    plainRoot: rootfs.plain,
    process,
    options: run,
    onOutput: (stream, chunk) => {
      log.write(stream, chunk)
      options.onOutput?.(stream, chunk)
    },
    ...(options.input && { input: options.input }),
    beforeStart: async () => {
      await rootfs.mount.restart()
      startedAt = { monotonic: monotonicMs(), date: new Date() }
    },
    ...(abort && { signal: abort }),
  })
  options.onPhase?.('running')
  using _progress = reportProgress(rootfs.mount, startedAt.monotonic, options.onProgress)
  const { ready, exitCode } = await watchStart(container, log, options)
  await rootfs.mount.markReady()
  options.onPhase?.('ready')
  if (exitCode === undefined && ready.by !== 'interrupt') await recordOn(container, options)
  abort?.throwIfAborted()
  const trace = buildTrace({
    tool: options.tool,
    image,
    engine: engine.name,
    command: process.args,
    ready,
    startedAt,
    endedAt: monotonicMs(),
    totals: rootfs.mount.totals,
    rootLinks: rootfs.mount.rootLinks,
    readaheadKiB: rootfs.mount.readaheadKiB,
    recording: await rootfs.mount.recording(),
  })
  return { trace, exitCode }
}

/** Ready, ended, too late, or interrupted: whichever comes first. */
async function watchStart(
  container: Container,
  log: OutputLog,
  options: ProfileOptions,
): Promise<{ ready: Ready; exitCode: number | undefined }> {
  const over = new AbortController()
  const { ready: check, finish, abort } = options
  const signal = abort ? AbortSignal.any([over.signal, abort]) : over.signal
  try {
    return await Promise.race([
      waitReady(check, container, log, signal).then((ready) => ({ ready, exitCode: undefined })),
      container.exited.then((exitCode) => judgeExit(exitCode, log, options)),
      afterTimeout(check, options.timeoutMs ?? DEFAULT_TIMEOUT_MS, log, signal, options),
      aborted(finish, signal).then(() => ({
        ready: { by: 'interrupt' as const, at: undefined },
        exitCode: undefined,
      })),
    ])
  } finally {
    over.abort()
  }
}

/** Output may come a moment after the end, and with it the line that was waited for. */
const DRAIN_MS = 150

async function judgeExit(exitCode: number, log: OutputLog, options: ProfileOptions) {
  const at = monotonicMs()
  const { by } = options.ready
  if (exitCode === 0 && (by === 'exit' || by === 'period'))
    return { ready: { by: 'exit' as const, at }, exitCode }
  await sleep(DRAIN_MS)
  throw new HeadstartError(
    'E_EXIT',
    `the container ended with status ${exitCode} before it was ready${lastWords(log, options)}`,
    { hint: by === 'exit' ? 'Its own output says why' : 'Was the command given as the image needs it?' },
  )
}

async function afterTimeout(
  check: ReadyCheck,
  timeoutMs: number,
  log: OutputLog,
  signal: AbortSignal,
  options: ProfileOptions,
): Promise<never> {
  await sleep(check.by === 'period' ? check.ms + timeoutMs : timeoutMs, undefined, { signal })
  throw new HeadstartError(
    'E_READY_TIMEOUT',
    `the container was not ready (${check.by}) within ${timeoutMs / 1000} s${lastWords(log, options)}`,
    { hint: 'Give it longer with --timeout, or another sign with --ready-…' },
  )
}

/** Resolves when `finish` aborts, rejects when `signal` does. */
function aborted(finish: AbortSignal | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (finish?.aborted) resolve()
    finish?.addEventListener('abort', () => resolve(), { once: true })
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Names that values nobody should see go by. */
const SECRET_NAME = /pass|secret|token|key|cred|auth/i

function lastWords(log: OutputLog, { run, image }: ProfileOptions): string {
  const own = image.config.process.env.filter((entry) => SECRET_NAME.test(entry.split('=')[0] ?? ''))
  const secrets = [...(run?.env ?? []), ...own].map((entry) => entry.slice(entry.indexOf('=') + 1))
  const tail = log.tail(secrets)
  return tail === '' ? '' : `; it wrote: ${tail}`
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
    await Promise.race([work(), container.exited.then(() => {}), aborted(finish, signal)])
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
    const progress = await mount.progress().catch(() => undefined) // the mount may be on its way down
    if (progress) onProgress?.({ ...progress, seconds: (monotonicMs() - startedAt) / 1000 })
  }
  const timer = onProgress && setInterval(tick, PROGRESS_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
