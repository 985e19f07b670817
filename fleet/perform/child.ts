/**
 * Runs a `headstart` command for a job, as a process of its own: it gives its memory back, can fail without us, and cleans up by its own means. Its
 * output is bounded, and made fit to be kept and shown.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { HeadstartError } from '../../system/errors.ts'
import { type Fault, faultSchema, PARENT_VARIABLE } from '../../system/process/parent.ts'
import { hide } from '../../system/text/secrets.ts'
import { visible } from '../../system/text/visible.ts'
import { linesOf } from './log-lines.ts'

export interface ChildOptions {
  /** program and first arguments that are `headstart` here */
  readonly program: readonly [string, ...string[]]
  readonly signal: AbortSignal
  /** takes the lines that it prints besides its result */
  readonly log: (line: string) => void
  /** values that the log must not show */
  readonly secrets: readonly string[]
}

export interface Ended {
  /** undefined: a signal killed it */
  readonly status: number | undefined
  /** lines of its result */
  readonly lines: readonly string[]
  /** why it failed, where it could say so */
  readonly fault: Fault | undefined
}

/** The plan of an image of many thousand files. */
const MAX_RESULT_BYTES = 128 << 20
const MAX_LINE = 500
/** To clean up: containers are stopped, file systems unmounted. Whatever a killed one leaves, the next command removes. */
const CLEANUP_MS = 60_000

/** What is another program's business. */
const OURS_ALONE = /^HEADSTART_(QUEUE|FLEET_)/

const environment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS_ALONE.test(name))),
  [PARENT_VARIABLE]: '1',
  NO_COLOR: '1',
})

/**
 * Resolves however it ends, unless the signal has aborted.
 * @throws the signal's reason, once it has ended; HeadstartError E_TOO_LARGE, E_COMMAND: it can't be started
 */
export async function runHeadstart(args: readonly string[], options: ChildOptions): Promise<Ended> {
  const { program, signal } = options
  signal.throwIfAborted()
  const [file, ...first] = program
  // In a session of its own: Ctrl-C is for us, and we tell it what to do.
  const child = spawn(file, [...first, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: environment(),
    detached: true,
  })
  let fault: Fault | undefined
  child.on('message', (message) => {
    fault ??= faultSchema.safeParse(message).data
  })
  const closed = once(child, 'close').catch((cause: unknown) => {
    throw new HeadstartError('E_COMMAND', `${file} can't be started`, { cause })
  })
  using _stopping = stopping(child, signal)
  const { stdout, stderr } = child
  if (!stdout || !stderr) throw new Error('a pipe was asked for')
  const result = resultOf(stdout).catch((error: unknown) => {
    child.kill('SIGTERM')
    throw error
  })
  // Whatever fails, the process has ended before we go on.
  const all = [result, logLines(stderr, options), closed] as const
  await Promise.allSettled(all)
  const [lines] = await Promise.all(all)
  signal.throwIfAborted()
  return { status: child.exitCode ?? undefined, lines, fault }
}

/** Tells it to stop when the signal aborts, and kills it if it doesn't. */
function stopping(child: { kill(signal: NodeJS.Signals): boolean }, signal: AbortSignal): Disposable {
  let killing: NodeJS.Timeout | undefined
  const stop = () => {
    child.kill('SIGTERM')
    killing = setTimeout(() => child.kill('SIGKILL'), CLEANUP_MS)
  }
  signal.addEventListener('abort', stop, { once: true })
  return {
    [Symbol.dispose]() {
      signal.removeEventListener('abort', stop)
      clearTimeout(killing)
    },
  }
}

async function resultOf(stdout: Readable): Promise<string[]> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of stdout) {
    bytes += piece.length
    if (bytes > MAX_RESULT_BYTES)
      throw new HeadstartError('E_TOO_LARGE', `headstart printed more than ${MAX_RESULT_BYTES} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8').split('\n').filter(Boolean)
}

/** A container's own output is among it: what would act on a terminal is written out. */
async function logLines(stderr: Readable, { log, secrets }: ChildOptions): Promise<void> {
  for await (const line of linesOf(stderr)) {
    const shown = visible(hide(line, secrets))
    log(shown.length > MAX_LINE ? `${shown.slice(0, MAX_LINE - 1)}…` : shown)
  }
}
