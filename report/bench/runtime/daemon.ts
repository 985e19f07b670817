/** A daemon of a sample's own, ended with it, and by the kernel should we die first. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { tryCommand } from '../../../system/command.ts'
import { HeadstartError } from '../../../system/errors.ts'

export interface DaemonOptions {
  readonly program: string
  readonly args: readonly string[]
  /** a socket that is there once it can be spoken to */
  readonly socket: string
  /** file for its output */
  readonly log: string
  readonly signal: AbortSignal | undefined
}

const START_MS = 30_000
const STOP_MS = 5000

/** @throws HeadstartError E_RUNTIME: it ended, or made no socket in time; with the last line of its log */
export async function startDaemon(options: DaemonOptions): Promise<AsyncDisposable> {
  const { program, args, socket, log, signal } = options
  const output = openSync(log, 'a')
  const child = spawn('setpriv', ['--pdeathsig', 'SIGKILL', program, ...args], {
    stdio: ['ignore', output, output],
    detached: true, // a terminal's Ctrl-C is ours to answer
  })
  const ended = once(child, 'exit')
  ended.catch(() => {})
  const daemon = {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await ended
      clearTimeout(late)
    },
  }
  try {
    await untilThere(socket, () => child.exitCode !== null, signal)
    return daemon
  } catch (cause) {
    await daemon[Symbol.asyncDispose]()
    signal?.throwIfAborted()
    const words = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').at(-1) ?? ''
    throw new HeadstartError('E_RUNTIME', `${program} did not start: ${words}`, { cause })
  }
}

async function untilThere(
  socket: string,
  hasEnded: () => boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = performance.now() + START_MS
  for (;;) {
    const there = await access(socket).then(
      () => true,
      () => false,
    )
    if (there) return
    if (hasEnded() || performance.now() > deadline) throw new Error(`no ${socket}`)
    await sleep(20, undefined, { ...(signal && { signal }) })
  }
}

/** A socket may be there before anybody listens behind it: asks until the daemon's own client is content. @throws HeadstartError E_RUNTIME */
export async function untilAnswers(
  client: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const deadline = performance.now() + START_MS
  while ((await tryCommand(client, args, { env })).status !== 0) {
    if (performance.now() > deadline)
      throw new HeadstartError('E_RUNTIME', `the daemon started for the sample does not answer ${client}`)
    await sleep(50)
  }
}
