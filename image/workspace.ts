/**
 * A temporary folder of one command, with all that it mounts inside. Its owner's process is written down, so that after a
 * `kill -9` the next command finds what was left and removes it.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unmountBelow } from './mounts.ts'

const PREFIX = 'headstart-'
/** Nothing else is ever swept: the folder is shared with others. */
const NAME = /^headstart-[0-9]+-[0-9a-f]{8}$/
const OWNER = 'owner.json'

/** Where workspaces live: a disk, not a tmpfs, since layers are spooled there. */
export const workspaceRoot = (): string => process.env.HEADSTART_TMPDIR ?? '/var/tmp'

export interface Workspace extends AsyncDisposable {
  /** unique on this machine, `headstart-` first; containers and networks of ours carry it as label */
  readonly id: string
  readonly folder: string
  /** makes a folder in the workspace */
  sub(name: string): Promise<string>
}

export async function createWorkspace(root: string = workspaceRoot()): Promise<Workspace> {
  const id = `${PREFIX}${process.pid}-${randomBytes(4).toString('hex')}`
  const folder = join(root, id)
  await mkdir(folder, { mode: 0o700, recursive: true })
  await writeFile(
    join(folder, OWNER),
    JSON.stringify({ pid: process.pid, started: await startTime(process.pid) }),
  )
  return {
    id,
    folder,
    async sub(name) {
      const path = join(folder, name)
      await mkdir(path, { recursive: true })
      return path
    },
    [Symbol.asyncDispose]: () => removeWorkspace(folder),
  }
}

/** Unmounts what is mounted in the workspace, then removes it. */
export async function removeWorkspace(folder: string): Promise<void> {
  await unmountBelow(folder)
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

export interface StaleWorkspace {
  readonly id: string
  readonly folder: string
}

/** Workspaces whose owner is no longer alive. */
export async function staleWorkspaces(root: string = workspaceRoot()): Promise<StaleWorkspace[]> {
  const names = await readdir(root).catch(() => [])
  const stale: StaleWorkspace[] = []
  for (const id of names.filter((name) => NAME.test(name))) {
    const folder = join(root, id)
    if (!(await isOwned(folder, id))) stale.push({ id, folder })
  }
  return stale
}

async function isOwned(folder: string, id: string): Promise<boolean> {
  const owner = await readFile(join(folder, OWNER), 'utf8').catch(() => undefined)
  // Until it is written whole, the pid in the name tells.
  const pid = Number(id.slice(PREFIX.length).split('-')[0])
  const started = await startTime(pid)
  if (started === undefined) return false
  if (owner === undefined) return true
  try {
    const value: unknown = JSON.parse(owner)
    return typeof value === 'object' && value !== null && 'started' in value && value.started === started
  } catch {
    return true
  }
}

/** Clock ticks from boot to the start of a process: tells a process from a later one of the same pid. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The second field, the name in parentheses, may hold spaces; starttime is field 22.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}
