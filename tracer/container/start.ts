/** Starts a container on a root that we prepared and waits until it is ready: what recording and measuring have in common. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessConfig } from '../../image/types.ts'
import { monotonicMs } from '../../system/clock.ts'
import { HeadstartError } from '../../system/errors.ts'
import { isSecretName } from '../../system/text/secrets.ts'
import type { Workspace } from '../../system/workspace.ts'
import { planProcess } from './options/process.ts'
import type { RunOptions } from './options/run-options.ts'
import { createOutputLog, type OutputLog } from './readiness/output-log.ts'
import { type Ready, type ReadyCheck, waitReady } from './readiness/readiness.ts'
import { readyText } from './readiness/ready-text.ts'
import type { Container, Engine, OutputStream } from './types.ts'

export interface StartOptions {
  readonly engine: Engine
  readonly workspace: Workspace
  /** writable */
  readonly root: string
  /** the same tree where reads are not recorded; `root` by default */
  readonly plainRoot?: string
  /** of the image */
  readonly config: ProcessConfig
  /** replaces the image's `Cmd`, unless empty */
  readonly command: readonly string[]
  readonly run?: RunOptions
  readonly ready: ReadyCheck
  /** how long the start and readiness may take together, in ms; with `period`, counted from the end of the period */
  readonly timeoutMs?: number
  readonly input?: NodeJS.ReadableStream
  readonly onOutput?: (stream: OutputStream, chunk: Buffer) => void
  /** right before the container starts */
  readonly beforeStart?: () => Promise<void>
  /**
   * Stops waiting for readiness: `by` is then `interrupt`. Asked for once the container runs, or has written something: what hasn't started can
   * only be aborted.
   */
  readonly finish?: () => AbortSignal
  readonly abort?: AbortSignal
}

export interface Outcome {
  readonly ready: Ready
  /** where the container ended by itself */
  readonly exitCode?: number
}

/** Disposing kills and removes the container. */
export interface StartedContainer extends AsyncDisposable {
  readonly container: Container
  /** argv */
  readonly args: readonly string[]
  readonly startedAt: { readonly monotonic: number; readonly date: Date }
  /** `ready.at - startedAt.monotonic` is the time of the start in ms. @throws HeadstartError E_EXIT, E_READY_TIMEOUT, E_READY */
  untilReady(): Promise<Outcome>
}

const DEFAULT_TIMEOUT_MS = 120_000

/** @throws HeadstartError E_RUN, E_NO_COMMAND, E_USER, E_OPTION */
export async function startContainer(options: StartOptions): Promise<StartedContainer> {
  const { engine, workspace, root } = options
  const process = planProcess(options.config, options.run ?? {}, options.command)
  const log = createOutputLog(options.ready.by === 'log' ? options.ready.pattern : undefined)
  let startedAt = { monotonic: 0, date: new Date() }
  const began = monotonicMs()
  const request = {
    id: workspace.id,
    folder: workspace.folder,
    state: workspace.state,
    root,
    plainRoot: options.plainRoot ?? root,
    process,
    options: options.run ?? {},
    onOutput: (stream: OutputStream, chunk: Buffer) => {
      // Whoever sees it takes the container for running, before the engine has said so.
      options.finish?.()
      log.write(stream, chunk)
      options.onOutput?.(stream, chunk)
    },
    ...(options.input && { input: options.input }),
    beforeStart: async () => {
      await options.beforeStart?.()
      startedAt = { monotonic: monotonicMs(), date: new Date() }
    },
  }
  const run = (signal: AbortSignal) => engine.run({ ...request, signal })
  const container = await runInTime(run, { log, options, began })
  return {
    container,
    args: process.args,
    startedAt,
    untilReady: () => watchStart(container, { log, options, began }),
    [Symbol.asyncDispose]: () => container[Symbol.asyncDispose](),
  }
}

interface Start {
  readonly log: OutputLog
  readonly options: StartOptions
  /** monotonic ms */
  readonly began: number
}

/** An engine that has been told to stop, and doesn't, is waited for no longer; the next command sweeps what it leaves. */
const LATE_MS = 60_000

/** Not every engine can be interrupted while it starts a container: one that comes up late is ended then. */
async function runInTime(run: (signal: AbortSignal) => Promise<Container>, start: Start): Promise<Container> {
  const { abort } = start.options
  const [over, tooLate] = [new AbortController(), new AbortController()]
  const signal = abort ? AbortSignal.any([tooLate.signal, abort]) : tooLate.signal
  const running = run(signal)
  const waiting = { ...start, signal: abort ? AbortSignal.any([over.signal, abort]) : over.signal }
  try {
    return await Promise.race([
      running,
      afterTimeout(waiting, 'had not started', 'Allow more time with --timeout'),
    ])
  } catch (error) {
    tooLate.abort()
    const ended = running.then((container) => container[Symbol.asyncDispose]())
    await Promise.race([ended.catch(() => {}), sleep(LATE_MS, undefined, { ref: false })])
    throw error
  } finally {
    over.abort()
  }
}

/** A container from its start until it is ready. */
interface Watched extends Start {
  readonly container: Container
  /** aborted when the result is no longer needed */
  readonly signal: AbortSignal
}

/** Ready, ended, too late, or interrupted: whichever comes first. */
async function watchStart(container: Container, start: Start): Promise<Outcome> {
  const over = new AbortController()
  const { abort } = start.options
  const finish = start.options.finish?.()
  const signal = abort ? AbortSignal.any([over.signal, abort]) : over.signal
  const watched = { ...start, container, signal }
  try {
    return await Promise.race([
      readyOrEnded(watched),
      ...(start.options.ready.by === 'interrupt'
        ? []
        : [afterTimeout(watched, 'was not ready', notReadyHint(start.options.ready))]),
      aborted(finish, signal).then((): Outcome => ({ ready: { by: 'interrupt' } })),
    ])
  } finally {
    over.abort()
  }
}

/** Evidence of readiness counts even if it is only examined after the container has ended. */
async function readyOrEnded({ container, log, options, signal }: Watched): Promise<Outcome> {
  const ended = new AbortController()
  const end = () => ended.abort()
  container.exited.then(end, end)
  const ready = await waitReady(options.ready, container, log, { signal, ended: ended.signal })
  return ready ? { ready } : judgeExit(await container.exited, log, options)
}

function judgeExit(exitCode: number, log: OutputLog, options: StartOptions): Outcome {
  const at = monotonicMs()
  const { by } = options.ready
  if (exitCode === 0 && ['exit', 'period', 'interrupt'].includes(by))
    return { ready: { by: 'exit' as const, at }, exitCode }
  throw new HeadstartError(
    'E_EXIT',
    `the container ended with status ${exitCode} before it was ready${lastWords(log, options)}`,
    {
      hint:
        by === 'exit'
          ? 'See its output for the reason'
          : 'Check its command and arguments: the image may need others',
    },
  )
}

const notReadyHint = (check: ReadyCheck): string =>
  `It is ready when ${readyText(check)}: choose another check with --ready-…, or allow more time with --timeout`

async function afterTimeout(
  { log, options, began, signal }: Start & Pick<Watched, 'signal'>,
  what: string,
  hint: string,
): Promise<never> {
  const { ready: check, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  const limit = check.by === 'period' ? check.ms + timeoutMs : timeoutMs
  await sleep(Math.max(0, began + limit - monotonicMs()), undefined, { signal })
  throw new HeadstartError(
    'E_READY_TIMEOUT',
    `the container ${what} within ${timeoutMs / 1000} s${lastWords(log, options)}`,
    { hint },
  )
}

/** Resolves when `finish` aborts, rejects when `signal` does. */
export function aborted(finish: AbortSignal | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (finish?.aborted) resolve()
    finish?.addEventListener('abort', () => resolve(), { once: true })
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function lastWords(log: OutputLog, { run, config }: StartOptions): string {
  const own = config.env.filter((entry) => isSecretName(entry.split('=')[0] ?? ''))
  const secrets = [...(run?.env ?? []), ...own].map((entry) => entry.slice(entry.indexOf('=') + 1))
  const tail = log.tail(secrets)
  return tail === '' ? '' : `; it wrote: ${tail}`
}
