/**
 * Mounts a tree through a process of its own, and talks to it. The process ends with its parent; disposing unmounts
 * and waits for its end.
 *
 * A mount grants no privileges: its devices can't be opened, its setuid programs run as the user who starts them, and only the user who
 * mounted it can read it, unless asked otherwise. A container still has all three: the writable overlay over the mount
 * (`stack-rootfs.ts`) allows them, and reads the mount as the user who mounted it.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { access, readFile, stat, writeFile } from 'node:fs/promises'
import type { z } from 'zod'
import { isErrorCode } from '../../system/error-codes.ts'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { unmount } from '../../system/mounts.ts'
import { requirePrograms } from '../../system/process/command.ts'
import { type Trace, unusedSchema } from '../trace/file.ts'
import {
  type Counters,
  countersSchema,
  type LazySummary,
  mountedSchema,
  progressSchema,
  type Request,
  recordingSchema,
  replySchema,
  type ServerName,
  type TreeSpec,
} from './messages.ts'

export type { Counters, ServerName, TreeSpec }
export type Recording = z.infer<typeof recordingSchema>

export interface MountOptions {
  /** an empty folder */
  readonly mountPoint: string
  readonly tree: TreeSpec
  readonly record: boolean
  /** Other users may read it too. */
  readonly allowOther?: boolean
  /** fuse-native without; never for a tree with times before 1970. */
  readonly server?: ServerName
  /** KiB; the kernel's default without */
  readonly readaheadKiB?: number
  readonly signal?: AbortSignal
}

export interface Mount extends AsyncDisposable {
  readonly folder: string
  readonly readaheadKiB: number
  /** regular files of the tree */
  readonly totals: { readonly files: number; readonly bytes: number }
  /** symlinks at the tree's root, byte text */
  readonly rootLinks: readonly { readonly name: string; readonly target: string }[]
  /** Rejects when the mount process ends unexpectedly; never resolves. */
  readonly died: Promise<never>
  /** of a lazy tree */
  readonly lazy?: LazySummary
  /** Discards the accesses so far: the container starts now. */
  restart(): Promise<void>
  markReady(): Promise<void>
  progress(): Promise<{ files: number; bytes: number }>
  recording(): Promise<Recording>
  /** What has not been touched so far. On a lazy tree this fetches the package lists. */
  unused(): Promise<NonNullable<Trace['unused']>>
  /** of a lazy tree */
  counters(): Promise<Counters>
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** @throws HeadstartError E_ROOT, E_FUSE, E_LIBFUSE, and for a lazy tree what reading its layers throws */
export async function mountFileSystem(options: MountOptions): Promise<Mount> {
  await requireFuse()
  options.signal?.throwIfAborted()
  const { mountPoint, tree, record, allowOther = false, server: name = 'fuse-native' } = options
  await using stack = new AsyncDisposableStack()
  const server = stack.use(startServer(mountPoint))
  const giveUp = () => server.kill()
  options.signal?.addEventListener('abort', giveUp)
  let mounted: z.infer<typeof mountedSchema>
  try {
    mounted = await server.ask(
      { ask: 'mount', spec: { mountPoint, tree, record, allowOther, server: name } },
      mountedSchema,
    )
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error
  } finally {
    options.signal?.removeEventListener('abort', giveUp)
  }
  const readaheadKiB = await setReadahead(mountPoint, options.readaheadKiB)
  const owned = stack.move()
  return {
    folder: mountPoint,
    readaheadKiB,
    totals: mounted.totals,
    rootLinks: mounted.rootLinks,
    ...(mounted.lazy && { lazy: mounted.lazy }),
    died: server.died,
    restart: () => server.tell('restart'),
    markReady: () => server.tell('markReady'),
    progress: () => server.ask({ ask: 'progress' }, progressSchema),
    recording: () => server.ask({ ask: 'recording' }, recordingSchema),
    unused: () => server.ask({ ask: 'unused' }, unusedSchema),
    counters: () => server.ask({ ask: 'counters' }, countersSchema),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** For callers with much to do before they mount or start containers. @throws HeadstartError E_ROOT */
export function requireRoot(): void {
  if (process.getuid?.() !== 0)
    throw new HeadstartError('E_ROOT', 'mounting file systems and starting containers needs root', {
      hint: 'Run the command with sudo',
    })
}

/** Checks what every mount needs, for the same callers. @throws HeadstartError E_ROOT, E_FUSE, E_NOT_INSTALLED */
export async function requireFuse(): Promise<void> {
  requireRoot()
  await access('/dev/fuse').catch((cause: unknown) => {
    throw new HeadstartError('E_FUSE', 'FUSE is not available: /dev/fuse is missing', {
      cause,
      hint: 'Load it with: modprobe fuse (in a container, run it with --device /dev/fuse)',
    })
  })
  await requirePrograms(['mount', 'umount'])
}

/** The device of a FUSE mount is anonymous: 0:MINOR. @returns KiB in force */
async function setReadahead(mountPoint: string, wanted: number | undefined): Promise<number> {
  const { dev } = await stat(mountPoint).catch((cause: unknown) => {
    throw new HeadstartError('E_FUSE', `the mount does not answer: ${messageOf(cause)}`, { cause })
  })
  const minor = (dev & 0xff) | ((dev >>> 12) & 0xfff00)
  const file = `/sys/class/bdi/0:${minor}/read_ahead_kb`
  const inForce = async () => Number(await readFile(file, 'utf8'))
  // Only where it differs: in a container /sys may be read-only, and what is wanted is the kernel's own default.
  if (wanted !== undefined && wanted !== (await inForce())) await writeFile(file, String(wanted))
  return inForce()
}

interface Server extends AsyncDisposable {
  readonly died: Promise<never>
  ask<T>(request: DistributiveOmit<Request, 'id'>, schema: z.ZodType<T>): Promise<T>
  tell(ask: 'restart' | 'markReady'): Promise<void>
  kill(): void
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

function startServer(mountPoint: string): Server {
  const child = fork(new URL('./server.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '8' },
  })
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
  if (/Maximum call stack size exceeded/.test(complaint)) return 'ended: its calls were nested too deep'
  const error = /^(?:\w*Error|FATAL ERROR)\b.*$/m.exec(complaint)?.[0]
  if (error !== undefined) return `ended: ${error.replace(/ Thrown at:$/, '')}`
  const last = complaint
    .split('\n')
    .map((line) => line.trim())
    .findLast(
      (line) => /[a-z]{2} /i.test(line) && !/^(?:at |\d+: 0x|Node\.js v|-----|<---|\[\d+:0x)/.test(line),
    )
  if (last !== undefined) return `ended: ${last}`
  return signal === null ? `ended with status ${code}` : `was ended by ${signal}`
}

function asHeadstartError(error: {
  code: string
  message: string
  hint?: string | undefined
}): HeadstartError {
  const code = isErrorCode(error.code) ? error.code : 'E_FUSE'
  return new HeadstartError(code, error.message, error.hint === undefined ? {} : { hint: error.hint })
}
