/**
 * Which process made something, so that later it can be determined whether that process is gone: by its pid, start time, pid namespace (two
 * containers may share a folder and have the same pids) and the boot of the machine.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { z } from 'zod'
import { codeOf } from '../errors.ts'

export const ownerSchema = z.object({
  pid: z.number().int().positive(),
  /** clock ticks from boot to the process's start: distinguishes it from a later process with the same pid */
  started: z.string().regex(/^\d+$/),
  /** inode of the pid namespace of that pid */
  namespace: z.string().regex(/^\d+$/),
  /** the first digits of the boot's id */
  boot: z.string().regex(/^[0-9a-f]{8}$/),
})
export type Owner = z.infer<typeof ownerSchema>

/** The machine's own pid namespace, which sees the processes of all others. Source: PROC_PID_INIT_INO, include/linux/proc_ns.h. */
const INITIAL_NAMESPACE = '4026531836'

let us: Promise<Owner> | undefined

/** This process. */
export function ourselves(): Promise<Owner> {
  us ??= lookAtOurselves()
  return us
}

async function lookAtOurselves(): Promise<Owner> {
  const [started = '0', namespace = '0', boot] = await Promise.all([
    startTime(process.pid),
    namespaceOf('self'),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '00000000'),
  ])
  return { pid: process.pid, started, namespace, boot: boot.slice(0, 8) }
}

/** For a file's name. */
export const markOf = ({ pid, started, namespace, boot }: Owner): string =>
  [pid, started, namespace, boot].join('-')

/** A pattern for marks, with a group around each part; to be anchored by the user. */
export const MARK_PATTERN = String.raw`(\d{1,10})-(\d{1,20})-(\d{1,20})-([0-9a-f]{8})`

/** @param parts what the groups of `MARK_PATTERN` matched */
export const ownerFrom = ([pid = '', started = '', namespace = '', boot = '']: readonly string[]): Owner => ({
  pid: Number(pid),
  started,
  namespace,
  boot,
})

const MARK = new RegExp(`^${MARK_PATTERN}$`)

/** Undefined if it is not a mark: nothing can be determined then. */
export function ownerOf(mark: string | undefined): Owner | undefined {
  const parts = MARK.exec(mark ?? '')
  return parts ? ownerFrom(parts.slice(1)) : undefined
}

/** False if it can't be determined: what belongs to a process that may be alive is left alone. */
export async function isGone(owner: Owner, us?: Owner): Promise<boolean> {
  const { boot, namespace } = us ?? (await ourselves())
  if (owner.boot !== boot) return true
  if (owner.namespace === namespace) return hasEnded(owner.pid, owner.started)
  return namespace === INITIAL_NAMESPACE && !(await isInhabited(owner.namespace))
}

/**
 * Whether there is no such process in our pid namespace.
 * @param started any, if not given
 */
export async function hasEnded(pid: number, started?: string): Promise<boolean> {
  const stat = await statOf(pid)
  // Where /proc hides the processes of others (hidepid), the kernel still says whether there is one.
  if (!stat) return !isThere(pid)
  if (stat.state === 'Z' || stat.state === 'X') return true // a zombie
  return started !== undefined && stat.started !== started
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

async function isInhabited(namespace: string): Promise<boolean> {
  for (const pid of await readdir('/proc'))
    if (/^\d+$/.test(pid) && (await namespaceOf(pid)) === namespace) return true
  return false
}

const namespaceOf = async (pid: string): Promise<string | undefined> =>
  /\d+/.exec(await readlink(`/proc/${pid}/ns/pid`).catch(() => ''))?.[0]

const startTime = async (pid: number): Promise<string | undefined> => (await statOf(pid))?.started

/** Source: proc_pid_stat(5), fields 3 and 22. */
async function statOf(pid: number): Promise<{ state: string; started: string } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // Behind the name in parentheses, which may hold any character itself.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields && { state: fields[0] ?? '', started: fields[19] ?? '' }
}
