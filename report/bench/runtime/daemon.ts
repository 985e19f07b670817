/** A daemon started for one sample: it ends with the sample, or, if this process is killed first, the kernel ends it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { HeadstartError } from '../../../system/errors.ts'
import { type CommandOptions, tryCommand } from '../../../system/process/command.ts'
import { type Ground, holds } from '../../../tracer/container/readiness/ready-on.ts'

export interface DaemonOptions {
  readonly program: string
  readonly args: readonly string[]
  /** the socket that it creates once it accepts connections */
  readonly socket: string
  /** file for its output */
  readonly log: string
  readonly signal?: AbortSignal
}

export type Daemon = AsyncDisposable & Ground

const START_MS = 30_000
const STOP_MS = 5000

/** @throws HeadstartError E_RUNTIME, with the last line of its log: it ended, or did not create its socket in time */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { program, args, socket, log, signal } = options
  const output = openSync(log, 'a')
  const child = spawn('setpriv', ['--pdeathsig', 'SIGKILL', program, ...args], {
    stdio: ['ignore', output, output],
    detached: true, // so that a terminal's Ctrl-C reaches this process alone
  })
  const ended = once(child, 'exit')
  ended.catch(() => {})
  let isWanted = true
  const died = ended.then(([code, killedBy]: unknown[]) => {
    const how = killedBy === null ? `ended with status ${code}` : `was killed by ${killedBy}`
    return isWanted
      ? Promise.reject(new HeadstartError('E_RUNTIME', `${program} ${how}`))
      : new Promise<never>(() => {})
  })
  died.catch(() => {}) // reported where it is awaited, which may be nowhere
  const daemon = {
    died,
    isThere: () => takesConnections(socket, died),
    async [Symbol.asyncDispose]() {
      isWanted = false
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
    const lastLine = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').at(-1) ?? ''
    throw new HeadstartError('E_RUNTIME', `${program} did not start: ${lastLine}`, { cause })
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

/** One that takes none has ended, or is about to: there is nothing to wait for but that. */
async function takesConnections(socket: string, died: Promise<never>): Promise<void> {
  const connection = connect(socket)
  try {
    await once(connection, 'connect')
  } catch {
    await died
  } finally {
    connection.destroy()
  }
}

/**
 * What a client does, which is ended with its daemon.
 * @throws the daemon's end, if it ended early, rather than the client's failure that it caused
 */
export async function whileAlive<T>(
  daemon: Ground,
  work: (signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const over = new AbortController()
  const signals = [over.signal, ...(signal ? [signal] : [])]
  try {
    return await Promise.race([work(AbortSignal.any(signals)), daemon.died])
  } catch (error) {
    over.abort()
    await holds(daemon)
    throw error
  }
}

/** A socket may exist before the daemon answers on it: retries until the daemon's own client succeeds. @throws HeadstartError E_RUNTIME */
export async function untilAnswers(
  client: string,
  args: readonly string[],
  options: Pick<CommandOptions, 'env' | 'signal'>,
): Promise<void> {
  const deadline = performance.now() + START_MS
  while ((await tryCommand(client, args, options)).status !== 0) {
    if (performance.now() > deadline)
      throw new HeadstartError(
        'E_RUNTIME',
        `the daemon that was started for the sample does not respond to ${client}`,
      )
    await sleep(50)
  }
}
