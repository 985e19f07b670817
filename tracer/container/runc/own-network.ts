/**
 * A network namespace for a container, with loopback and nothing else: from inside, neither this machine's services nor the internet can
 * be reached. A process inside it opens connections to the container and hands them to us.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { z } from 'zod'
import { HeadstartError } from '../../../system/errors.ts'

export interface OwnNetwork extends AsyncDisposable {
  /** the namespace, as a path */
  readonly path: string
  /** a connection to a port of the container. @throws Error: nothing is listening on it */
  connect(port: number): Promise<Socket>
}

const replySchema = z.union([
  z.strictObject({ ready: z.literal(true) }),
  z.strictObject({ id: z.number() }),
  z.strictObject({ id: z.number(), error: z.string() }),
])

interface Waiting {
  resolve(socket: Socket): void
  reject(error: Error): void
}

/** @throws HeadstartError E_RUN */
export async function createOwnNetwork(): Promise<OwnNetwork> {
  const child = fork(new URL('./own-network-process.ts', import.meta.url), {
    execPath: 'unshare',
    execArgv: ['--net', '--mount', '--', process.execPath, '--disable-warning=ExperimentalWarning'],
    detached: true, // out of reach of Ctrl-C in a terminal
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let complaint = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, 2000)
  })
  const waiting = new Map<number, Waiting>()
  const ready = Promise.withResolvers<void>()
  const fail = () => {
    const reason = complaint.trim().split('\n')[0] ?? ''
    const error = new HeadstartError(
      'E_RUN',
      `the container's network namespace could not be created: ${reason}`,
      {
        hint: 'Use the host’s network: --network host',
      },
    )
    ready.reject(error)
    for (const waiter of waiting.values()) waiter.reject(error)
    waiting.clear()
  }
  child.once('error', (error) => {
    complaint ||= error.message
    fail()
  })
  child.once('exit', fail)
  child.on('message', (message, handle) => {
    const reply = replySchema.parse(message)
    if ('ready' in reply) return ready.resolve()
    const waiter = waiting.get(reply.id)
    waiting.delete(reply.id)
    if (handle instanceof Socket && waiter) waiter.resolve(handle)
    else waiter?.reject(new Error('error' in reply ? reply.error : 'the connection was lost'))
  })
  await ready.promise
  let lastId = 0
  return {
    path: `/proc/${child.pid}/ns/net`,
    connect: (port) =>
      new Promise((resolve, reject) => {
        const id = ++lastId
        waiting.set(id, { resolve, reject })
        child.send({ id, port }, (error) => error && reject(error))
      }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}
