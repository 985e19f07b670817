/**
 * Mounts a tree in a separate process; disposing unmounts it and waits for that process to end.
 *
 * A mount grants no privileges: its devices can't be opened, its setuid programs run as the user who starts them, and only the user who
 * mounted it can read it, unless asked otherwise. A container still has all three: the writable overlay over the mount
 * (`stack-rootfs.ts`) allows them, and reads the mount as the user who mounted it.
 */
import { open, readFile, stat, writeFile } from 'node:fs/promises'
import type { z } from 'zod'
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { requirePrograms } from '../../system/process/command.ts'
import { type Trace, unusedSchema } from '../trace/file.ts'
import {
  type Counters,
  countersSchema,
  faultsSchema,
  type LazySummary,
  mountedSchema,
  type PrefetchPlan,
  prefetchPlanSchema,
  progressSchema,
  recordingSchema,
  type ServerName,
  type TreeSpec,
} from './messages.ts'
import { startServer } from './server-process.ts'

export type { Counters, PrefetchPlan, ServerName, TreeSpec }
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
  /** The process has been told what to mount: what else is to be loaded here no longer holds it up. */
  readonly onAsked?: () => void
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
  /** Of a lazy tree: resolves once it is known, which may be a moment after the mount is complete. */
  prefetchPlan(): Promise<PrefetchPlan>
  /** Of a lazy tree: why reads failed, each reason once; the program that read was only told of an input/output error. */
  faults(): Promise<readonly string[]>
  /** Of a lazy tree: the container starts now. What it says of the start's length counts from here. */
  begin(): Promise<void>
}

/** @throws HeadstartError E_ROOT, E_NO_FUSE, E_FUSE, E_LIBFUSE, and for a lazy tree what reading its layers throws */
export async function mountFileSystem(options: MountOptions): Promise<Mount> {
  await requireFuse()
  options.signal?.throwIfAborted()
  const { mountPoint, tree, record, allowOther = false, server: name = 'fuse-native' } = options
  await using stack = new AsyncDisposableStack()
  const server = stack.use(startServer(mountPoint, tree.kind === 'lazy'))
  const giveUp = () => server.kill()
  options.signal?.addEventListener('abort', giveUp)
  let mounted: z.infer<typeof mountedSchema>
  try {
    const spec = { mountPoint, tree, record, allowOther, server: name }
    const mounting = server.ask({ ask: 'mount', spec }, mountedSchema)
    options.onAsked?.()
    mounted = await mounting
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
    prefetchPlan: () => server.ask({ ask: 'prefetchPlan' }, prefetchPlanSchema),
    faults: () => server.ask({ ask: 'faults' }, faultsSchema),
    begin: () => server.tell('begin'),
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

/** Checks what every mount needs, for the same callers. @throws HeadstartError E_ROOT, E_NO_FUSE, E_NOT_INSTALLED */
export async function requireFuse(): Promise<void> {
  requireRoot()
  await requireDevice()
  await requirePrograms(['mount', 'umount'])
}

/** It may be there, and yet the kernel may lack FUSE, or a container may not be allowed to use it. */
async function requireDevice(): Promise<void> {
  try {
    await using _ = await open('/dev/fuse', 'r+')
  } catch (cause) {
    const why = codeOf(cause) === 'ENOENT' ? '/dev/fuse is missing' : messageOf(cause)
    throw new HeadstartError('E_NO_FUSE', `FUSE is not available: ${why}`, {
      cause,
      hint: 'Load it with: modprobe fuse (in a container, run it with --device /dev/fuse)',
    })
  }
}

/** The device of a FUSE mount is anonymous: 0:MINOR. @returns KiB in force */
async function setReadahead(mountPoint: string, wanted: number | undefined): Promise<number> {
  const { dev } = await stat(mountPoint).catch((cause: unknown) => {
    throw new HeadstartError('E_FUSE', `the mount does not respond: ${messageOf(cause)}`, { cause })
  })
  const minor = (dev & 0xff) | ((dev >>> 12) & 0xfff00)
  const file = `/sys/class/bdi/0:${minor}/read_ahead_kb`
  const inForce = async () => Number(await readFile(file, 'utf8'))
  // Only where it differs: in a container /sys may be read-only, and what is wanted is the kernel's own default.
  if (wanted !== undefined && wanted !== (await inForce())) await writeFile(file, String(wanted))
  return inForce()
}
