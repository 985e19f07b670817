/** Containers that a command runs in the foreground (`docker run`, `ctr run`), as an engine: the tracer's readiness checks work with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { HeadstartError } from '../../../system/errors.ts'
import { tryCommand } from '../../../system/process/command.ts'
import { containerBegun } from '../../../tracer/container/begun.ts'
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
  exec(command: readonly string[]): readonly string[]
  kill(signal: string): readonly string[]
}

export function commandEngine(commandsOf: (request: ContainerRequest) => ContainerCommands): Engine {
  return {
    name: 'docker', // appears in traces, which are not recorded here
    unavailable: async () => undefined,
    sweep: async () => {},
    async run(request) {
      const commands = commandsOf(request)
      const { program, env } = commands
      request.signal?.throwIfAborted()
      await request.beforeStart()
      const child = spawn(program, commands.run, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
      child.stdout.on('data', (chunk: Buffer) => request.onOutput('stdout', chunk))
      child.stderr.on('data', (chunk: Buffer) => request.onOutput('stderr', chunk))
      const exited = exitOf(child, commands.known)
      exited.catch(() => {}) // reported where it is awaited, which may be nowhere
      const statusOf = async (args: readonly string[]) => (await tryCommand(program, args, { env })).status
      const container: Container = {
        address: commands.address,
        ports: new Map(),
        exited,
        exec: (command) => statusOf(commands.exec(command)),
        kill: async (signal) => void (await statusOf(commands.kill(signal))),
        async [Symbol.asyncDispose]() {
          await statusOf(commands.kill('KILL'))
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
