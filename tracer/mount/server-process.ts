/** The mount process from its parent's side: started, asked over IPC, and ended. It ends with its parent. */
import type { ChildProcess } from 'node:child_process'
import type { z } from 'zod'
import { isErrorCode } from '../../system/error-codes.ts'
import { HeadstartError } from '../../system/errors.ts'
import { unmount } from '../../system/mounts.ts'
import { type Request, replySchema } from './messages.ts'
import { spawnServer, takeAhead } from './spawn.ts'

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

export interface Server extends AsyncDisposable {
  readonly died: Promise<never>
  ask<T>(request: DistributiveOmit<Request, 'id'>, schema: z.ZodType<T>): Promise<T>
  tell(ask: 'restart' | 'markReady' | 'begin'): Promise<void>
  kill(): void
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** @param isLazy the tree is to be fetched: it takes more to load */
export function startServer(mountPoint: string, isLazy: boolean): Server {
  const child = (isLazy ? takeAhead() : undefined) ?? spawnServer(isLazy)
  const waiting = new Map<number, Waiting>()
  const ended = watch(child, waiting)
  let isWanted = true
  const died = ended.then((message) => {
    // After disposal its end is expected.
    return isWanted ? Promise.reject(new HeadstartError('E_FUSE', message)) : new Promise<never>(() => {})
  })
  died.catch(() => {}) // reported to those who wait for it, if any do
  let lastId = 0

  function post(request: DistributiveOmit<Request, 'id'>): Promise<unknown> {
    const id = ++lastId
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      child.send({ ...request, id }, (error) => {
        if (error) ended.then((message) => reject(new HeadstartError('E_FUSE', message, { cause: error })))
      })
    })
  }

  return {
    ask: async (request, schema) => schema.parse(await post(request)),
    tell: async (ask) => {
      await post({ ask })
    },
    died,
    kill: () => child.kill('SIGKILL'),
    async [Symbol.asyncDispose]() {
      isWanted = false
      try {
        await unmount(mountPoint)
      } finally {
        // Whatever became of the mount: a process that stays would keep this one from ending.
        if (child.connected) child.disconnect()
        const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
        await ended
        clearTimeout(timer)
      }
    },
  }
}

/** Routes replies. When the process ends, rejects all pending requests and resolves with the reason. */
function watch(child: ChildProcess, waiting: Map<number, Waiting>): Promise<string> {
  let complaint = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000)
  })
  child.on('message', (message) => {
    const reply = replySchema.parse(message)
    const waiter = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('error' in reply) waiter?.reject(asHeadstartError(reply.error))
    else waiter?.resolve(reply.value)
  })
  return new Promise((resolve) => {
    // Not 'close': it never comes once the channel was closed from this side.
    child.once('exit', (code, signal) => {
      const message = `the mount process ${endOf(complaint, code, signal)}`
      for (const waiter of waiting.values()) waiter.reject(new HeadstartError('E_FUSE', message))
      waiting.clear()
      resolve(message)
    })
  })
}

/** The useful part of a process's last output: without stack frames, native or not, and without the garbage collector's log. */
export function endOf(complaint: string, code: number | null, signal: NodeJS.Signals | null): string {
  if (/heap out of memory|Allocation failed|ERR_WORKER_OUT_OF_MEMORY/.test(complaint))
    return 'ran out of memory'
  if (/Maximum call stack size exceeded/.test(complaint)) return 'ended: its calls were nested too deeply'
  const error = /^(?:\w*Error|FATAL ERROR)\b.*$/m.exec(complaint)?.[0]
  if (error !== undefined) return `ended: ${error.replace(/ Thrown at:$/, '')}`
  const last = complaint
    .split('\n')
    .map((line) => line.trim())
    .findLast(
      (line) => /[a-z]{2} /i.test(line) && !/^(?:at |\d+: 0x|Node\.js v|-----|<---|\[\d+:0x)/.test(line),
    )
  if (last !== undefined) return `ended: ${last}`
  return signal === null ? `ended with status ${code}` : `was killed by ${signal}`
}

function asHeadstartError(error: {
  code: string
  message: string
  hint?: string | undefined
}): HeadstartError {
  const code = isErrorCode(error.code) ? error.code : 'E_FUSE'
  return new HeadstartError(code, error.message, error.hint === undefined ? {} : { hint: error.hint })
}
