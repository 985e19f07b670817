/** Commands of a fleet that go on in the background until they are stopped or killed. */
import { join } from 'node:path'
import { until } from '../../../scripts/support/until.ts'
import type { Outcome, Sandbox } from '../../support/headstart.ts'
import { NOBODY } from '../../support/nobody.ts'
import { isGone } from './processes.ts'

export type User = 'root' | 'nobody'

export interface Machine {
  readonly box: Sandbox
  readonly user: User
  /** `headstart fleet …`, which goes on until it is ended, and can be started again after that */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** what it says once it is there */
  readonly says: RegExp
}

export interface Program {
  /** -1: it does not run */
  pid(): number
  /** @param others instead of the arguments it has had */
  start(others?: readonly string[]): Promise<void>
  /** Resolves when it has ended, also if that was before. */
  end(signal: NodeJS.Signals): Promise<void>
  /** how each of its processes has ended */
  readonly outcomes: readonly Outcome[]
}

const UNPRIVILEGED = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs']

interface Process {
  readonly pid: number
  end(signal: NodeJS.Signals): Promise<Outcome>
}

export async function startProgram(machine: Machine): Promise<Program> {
  let running: Process | undefined = await started(machine)
  const outcomes: Outcome[] = []
  return {
    outcomes,
    pid: () => running?.pid ?? -1,
    async start(args = machine.args) {
      running = await started({ ...machine, args })
    },
    async end(signal) {
      const ending = running
      running = undefined
      if (ending) outcomes.push(await ending.end(signal))
    },
  }
}

/** @throws where it ended before it was there */
async function started({ box, args, env, user, says }: Machine): Promise<Process> {
  const there = Promise.withResolvers<number>()
  const ending = Promise.withResolvers<NodeJS.Signals>()
  const ended = box.run(['fleet', ...args], {
    env: { DOCKER_CONFIG: join(box.folder, 'docker'), HOME: box.folder, ...env },
    under: user === 'nobody' ? UNPRIVILEGED : [],
    async meanwhile({ pid, kill, stdout, stderr }) {
      const isThere = () => says.test(stdout() + stderr())
      await until(`fleet ${args[0]} is there`, async () => isThere() || (await isGone(pid)))
      if (!isThere()) return
      there.resolve(pid)
      kill(await ending.promise)
    },
  })
  const early = ended.then(({ status, stderr }): never => {
    throw new Error(`fleet ${args[0]} ended with ${status}: ${stderr}`)
  })
  early.catch(() => {})
  return {
    pid: await Promise.race([there.promise, early]),
    end(signal) {
      ending.resolve(signal)
      return ended
    },
  }
}
