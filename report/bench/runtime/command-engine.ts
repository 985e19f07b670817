/** Containers that a command runs in the foreground (`docker run`, `ctr run`), as an engine: the tracer's readiness checks work with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { HeadstartError } from '../../../system/errors.ts'
import { tryCommand } from '../../../system/process/command.ts'
import { containerBegun } from '../../../tracer/container/begun.ts'
import { prepareBindSources } from '../../../tracer/container/options/bind-sources.ts'
import type { Container, ContainerRequest, Engine } from '../../../tracer/container/types.ts'

export interface ContainerCommands {
  /** runs what follows in its arguments, so that it ends with us */
  readonly program: string
  /** the program that people know, for errors */
  readonly known: string
  readonly env: NodeJS.ProcessEnv
  /** where this machine reaches the container's `localhost`; undefined without a network */
  readonly address: string | undefined
  /** where the program writes its container's process, if it starts it by itself after making it */
  readonly pidFile?: string
  /** runs in the foreground until the container ends, with its status */
  readonly run: readonly string[]
  /** a program and its arguments; without, nothing can be run in the container */
  exec?(command: readonly string[]): readonly string[]
  /** a program and its arguments; without, the command itself passes signals on, and kills what doesn't obey at the third interrupt */
  kill?(signal: string): readonly string[]
}

export function commandEngine(commandsOf: (request: ContainerRequest) => ContainerCommands): Engine {
  return {
    name: 'docker', // appears in traces, which are not recorded here
    unavailable: async () => undefined,
    sweep: async () => {},
    async run(request) {
      await prepareBindSources(request.options.binds ?? [])
      const commands = commandsOf(request)
      const { program, env } = commands
      request.signal?.throwIfAborted()
      await request.beforeStart()
      const child = spawn(program, commands.run, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
      child.stdout.on('data', (chunk: Buffer) => request.onOutput('stdout', chunk))
      child.stderr.on('data', (chunk: Buffer) => request.onOutput('stderr', chunk))
      const exited = exitOf(child, commands.known)
      exited.catch(() => {}) // reported where it is awaited, which may be nowhere
      const statusOf = async ([first = program, ...args]: readonly string[]) =>
        (await tryCommand(first, args, { env })).status
      const container: Container = {
        address: commands.address,
        ports: new Map(),
        exited,
        exec: async (command) => (commands.exec ? statusOf(commands.exec(command)) : CANNOT_RUN),
        kill: async (signal) => {
          if (commands.kill) await statusOf(commands.kill(signal))
          else if (child.pid !== undefined) process.kill(child.pid, `SIG${signal}`)
        },
        async [Symbol.asyncDispose]() {
          if (commands.kill) await statusOf(commands.kill('KILL'))
          else await interrupt(child, exited)
          const late = setTimeout(() => child.kill('SIGKILL'), 5000)
          await exited.catch(() => {})
          clearTimeout(late)
        },
      }
      if (commands.pidFile !== undefined) await containerBegun(commands.pidFile, exited, request.signal)
      return container
    },
  }
}

/** As runc has it for a command that can't be run. */
const CANNOT_RUN = 126
/** `docker run` and ours give up on what does not obey the first two. */
const INTERRUPTS = 3
const APART_MS = 200

async function interrupt(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  const ended = exited.then(
    () => true,
    () => true,
  )
  for (let sent = 0; sent < INTERRUPTS; sent++) {
    child.kill('SIGINT')
    if (await Promise.race([ended, sleep(APART_MS, false)])) return
  }
}

function exitOf(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new HeadstartError('E_RUN', `${program} could not be run: ${cause.message}`, { cause })),
    )
    // Not 'exit': its output may come later.
    child.once('close', (code, signal) => {
      // A signal that ends the container is a status of the program's; this one ended the program.
      if (code === null) reject(new HeadstartError('E_RUN', `${program} was killed (${signal})`))
      else resolve(code)
    })
  })
}
