/** A whole fleet: a server and four machines with a worker each, of which two have no rights. */
import type { Sandbox } from '../../support/headstart.ts'
import type { Ground } from './ground.ts'
import { type Program, startProgram } from './programs.ts'

/** How long a worker may be silent: much longer than one that lives ever is. */
const TAKEOVER = '20s'
/** A registry that is cut off is back before these are over. */
const RETRIES = ['--attempts', '8', '--backoff', '2s']

export interface WholeFleet extends AsyncDisposable {
  readonly server: Program
  /** As root; the first only records. */
  readonly recorders: readonly Program[]
  readonly rebuilders: readonly Program[]
  readonly boxes: readonly Sandbox[]
  /** @param every how often the registry is looked at */
  serveAgain(every: string): Promise<void>
  /** Asks all to stop, as an administrator does. @returns the status of each */
  stop(): Promise<(number | null | undefined)[]>
  /** what all that have ended have printed */
  said(): string
}

export interface Around {
  readonly ground: Ground
  /** of the server */
  readonly address: string
  readonly queue: string
  readonly secret: string
}

export async function startFleet({ ground, address, queue, secret }: Around): Promise<WholeFleet> {
  await using own = new AsyncDisposableStack()
  const boxes: Sandbox[] = []
  const start = async (user: 'root' | 'nobody', args: readonly string[], says: RegExp, more = {}) => {
    const box = await ground.machine(user)
    boxes.push(box)
    const env = { HEADSTART_QUEUE: queue, ...more }
    const program = await startProgram({ box, user, args, env, says })
    own.defer(() => program.end('SIGKILL'))
    return program
  }
  const serve = (every: string) => ['serve', '--listen', address, '--every', every, ...RETRIES]
  const work = (kinds: string) => ['work', '--kinds', kinds, '--takeover', TAKEOVER]
  const server = await start('nobody', serve('60m'), /notifications to/, { HEADSTART_FLEET_SECRET: secret })
  const ready = /waiting for jobs/
  const recorders = [
    await start('root', work('record'), ready),
    // A machine without a Docker engine.
    await start('root', work('record,rebuild'), ready, { DOCKER_HOST: 'unix:///nowhere' }),
  ]
  const rebuilders = [
    await start('nobody', work('rebuild'), ready),
    await start('nobody', work('rebuild'), ready),
  ]
  const all = [server, ...recorders, ...rebuilders]
  const kept = own.move()
  return {
    server,
    recorders,
    rebuilders,
    boxes,
    async serveAgain(every) {
      await server.end('SIGKILL')
      await server.start(serve(every))
    },
    async stop() {
      for (const each of all) await each.end('SIGTERM')
      return all.map(({ outcomes }) => outcomes.at(-1)?.status)
    },
    said: () =>
      all.flatMap(({ outcomes }) => outcomes.map(({ stdout, stderr }) => stdout + stderr)).join('\n'),
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  }
}
