/**
 * The mount process. Its parent tells it over IPC what to mount; when the parent ends, for whatever reason, the channel closes, and this
 * process detaches its mount and ends. It is a separate process so that its parent can use the mount without a deadlock.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import '../../system/node-22.ts'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { tryCommand } from '../../system/process/command.ts'
import type { FileSystem } from './file-system.ts'
import { type KernelServer, serveFetched, serveIndex } from './kernel/serve.ts'
import type { LazyImage } from './lazy/image.ts'
import { type MountSpec, type Reply, type Request, requestSchema, type TreeSpec } from './messages.ts'
import { serveNative } from './native/serve.ts'
import { createRecorder, type Recorder } from './recording.ts'
import { createDirectoryFileSystem } from './tree/directory.ts'
import { indexTree, type TreeIndex } from './tree/tree-index.ts'
import { findUnused, rootLinksOf } from './unused.ts'

interface Session {
  readonly mountPoint: string
  /** below the recorder */
  readonly fileSystem: FileSystem
  readonly recorder: Recorder | undefined
  readonly lazy: LazyImage | undefined
  /** if the kernel's protocol is spoken without the library */
  server: KernelServer | undefined
}

let session: Session | undefined
/** What is not on the disk by then is fetched again. */
const CLOSING_MS = 2000

/** Begun before it is asked for, where it will be: see spawn.ts. */
if (process.argv[2] === 'lazy') void import('./lazy/image.ts')

interface OpenTree {
  readonly fileSystem: FileSystem
  /** of a tree on disk */
  readonly index?: TreeIndex
  readonly lazy?: LazyImage
}

async function openTree(tree: TreeSpec): Promise<OpenTree> {
  // Loaded only here: a tree on disk needs no registry client, and mounts sooner without it.
  if (tree.kind === 'lazy') {
    const lazy = await (await import('./lazy/image.ts')).openLazyImage(tree)
    return { fileSystem: lazy.fileSystem, lazy }
  }
  // From inside, so that the longest path that the kernel allows is not made too long by the folder's own.
  process.chdir(tree.folder)
  const index = await indexTree('')
  return { fileSystem: createDirectoryFileSystem(index), index }
}

async function mount(spec: MountSpec): Promise<unknown> {
  const { fileSystem, index, lazy } = await openTree(spec.tree)
  const recorder = spec.record ? createRecorder(fileSystem) : undefined
  const { mountPoint } = spec
  session = { mountPoint, fileSystem, recorder, lazy, server: undefined }
  const served = recorder?.fileSystem ?? fileSystem
  // fuse-native has no times before 1970; otherwise both servers answer alike.
  if (spec.server === 'fuse-native' && !fileSystem.withOldTimes) await serveNative(served, spec)
  else
    session.server = index ? await serveIndex(index, spec, recorder?.log) : await serveFetched(served, spec)
  return {
    totals: fileSystem.totals,
    rootLinks: rootLinksOf(fileSystem),
    ...(lazy && { lazy: lazy.summary }),
  }
}

/** Bypasses the recorder, so that this is not recorded. */
function unusedOf({ fileSystem, recorder }: Session): Promise<unknown> {
  return findUnused(fileSystem, new Set(recorder?.snapshot().files.map(({ path }) => path)))
}

function restart({ recorder, server }: Session): void {
  const seen = recorder?.restart() ?? []
  server?.forget(seen)
}

async function answer(request: Request): Promise<unknown> {
  session?.server?.flush()
  switch (request.ask) {
    case 'mount':
      return mount(request.spec)
    case 'restart':
      return session && restart(session)
    case 'markReady':
      return session?.recorder?.markReady()
    case 'progress':
      return session?.recorder?.progress()
    case 'begin':
      return session?.lazy?.begin()
    case 'faults':
      return session?.lazy?.faults()
    case 'prefetchPlan':
      return session?.lazy?.prefetchPlan()
    case 'recording':
      return session?.recorder?.snapshot()
    case 'unused':
      return session && unusedOf(session)
    case 'counters':
      return session?.lazy?.counters()
  }
}

const send = (reply: Reply): void => {
  process.send?.(reply, undefined, undefined, () => {}) // the parent may be gone: 'disconnect' follows
}

function failure(id: number, error: unknown): Reply {
  const { code, hint } = error instanceof HeadstartError ? error : { code: 'E_FUSE', hint: undefined }
  return { id, error: { code, message: messageOf(error), ...(hint !== undefined && { hint }) } }
}

process.on('message', (message) => {
  const request = requestSchema.parse(message)
  answer(request).then(
    (value) => send({ id: request.id, value }),
    (error: unknown) => send(failure(request.id, error)),
  )
})

process.on('disconnect', async () => {
  // Lazily, since it may be in use: the parent, which stacked more on this mount, can't take it down any more.
  if (session) await tryCommand('umount', ['-l', session.mountPoint]).catch(() => {})
  await Promise.race([session?.lazy?.close(), sleep(CLOSING_MS)])
  // Not exit(), which waits for the threads that block on the device.
  process.kill(process.pid, 'SIGKILL')
})

// Ctrl-C in a terminal reaches the whole process group; the parent decides when this process ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
