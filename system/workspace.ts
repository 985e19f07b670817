/**
 * A command's temporary folder, with everything that it mounts inside, and next to it, in the run folder, the state that a later command acts
 * on. Both name the process that owns them, so that after a `kill -9` the next command finds what was left and removes it.
 */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, realpath, rmdir, writeFile } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { z } from 'zod'
import { HeadstartError, messageOf } from './errors.ts'
import { makeFolder } from './files/make-folder.ts'
import { exchangeable, isPrivate } from './files/private-folder.ts'
import { removeTree } from './files/remove-tree.ts'
import { runFolder } from './files/run-folder.ts'
import { unmountBelow } from './mounts.ts'
import { hasEnded, isGone, ourselves, ownerSchema } from './process/owner.ts'
import { jsonIf } from './text/json.ts'

const PREFIX = 'headstart-'
/** Only these are ever swept: the folder is shared with other programs. */
const NAME = /^headstart-([0-9]+)-[0-9a-f]{8}$/
const OWNER = 'owner.json'
const STATE = 'state'

/** Where workspaces live: a disk, not a tmpfs, since layers are spooled there. */
export const workspaceRoot = (): string => resolve(process.env.HEADSTART_TMPDIR ?? '/var/tmp')

export interface Workspace extends AsyncDisposable {
  /** unique on this machine, starts with `headstart-`; our containers and networks have it as label */
  readonly id: string
  /** for large files */
  readonly folder: string
  /** for what a later command needs to know to end and remove what is left */
  readonly state: string
  /** makes a folder in the workspace */
  sub(name: string): Promise<string>
}

/** @throws HeadstartError E_TMPDIR, E_RUN_FOLDER: its parent folder can't be used, or other users could replace what is in it */
export async function createWorkspace(wanted: string = workspaceRoot()): Promise<Workspace> {
  const root = await prepareRoot(wanted)
  const id = `${PREFIX}${process.pid}-${randomBytes(4).toString('hex')}`
  const folder = join(root, id)
  const runs = await runFolder()
  const state = runs === undefined ? join(folder, STATE) : join(runs, id)
  const note = JSON.stringify({ ...(await ourselves()), folder, state })
  // Not recursive: if it exists, somebody else made it.
  for (const made of [folder, state]) {
    await makePrivate(made)
    await writeFile(join(made, OWNER), note, { flag: 'wx', mode: 0o600 })
  }
  return {
    id,
    folder,
    state,
    async sub(name) {
      const path = join(folder, name)
      // What becomes a container's root has the usual permissions, whatever our umask.
      if ((await mkdir(path, { recursive: true })) !== undefined) await chmod(path, 0o755)
      return path
    },
    [Symbol.asyncDispose]: () => removeWorkspace({ folder, state }),
  }
}

/** @returns the path without symlinks, as the kernel lists mounts in it */
async function prepareRoot(wanted: string): Promise<string> {
  let root: string
  let fault: string | undefined
  try {
    await makeFolder(wanted, 0o700)
    root = await realpath(wanted)
    fault = await exchangeable(root)
  } catch (cause) {
    throw new HeadstartError(
      'E_TMPDIR',
      `the folder for temporary files can't be used: ${messageOf(cause)}`,
      {
        cause,
        hint: 'Set HEADSTART_TMPDIR to a folder that you can write to',
      },
    )
  }
  if (fault !== undefined) throw unsafeRoot(root, fault)
  return root
}

/** @throws HeadstartError E_TMPDIR */
async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 })
  if (await isPrivate(folder)) return
  await rmdir(folder).catch(() => {})
  throw unsafeRoot(dirname(folder), 'its file system does not keep permissions')
}

const unsafeRoot = (root: string, fault: string): HeadstartError =>
  new HeadstartError('E_TMPDIR', `the folder for temporary files ${root} is not safe to use: ${fault}`, {
    hint: 'Set HEADSTART_TMPDIR to a folder of your own, or to one with the sticky bit set, such as /var/tmp',
  })

/** Unmounts what is mounted in the workspace, then removes it; its state goes last. */
export async function removeWorkspace({ folder, state }: Pick<Workspace, 'folder' | 'state'>): Promise<void> {
  await removeFolder(folder)
  await removeFolder(state)
}

/**
 * Removes a folder after unmounting everything in it. Nobody can race the removal and redirect it: the folder is our own, nobody else may
 * enter it, and the caller has made sure that nobody else can replace it. Any other folder is left alone.
 */
export async function removeFolder(folder: string): Promise<void> {
  if (!(await isPrivate(folder))) return
  await unmountBelow(folder)
  await removeTree(folder)
}

export type StaleWorkspace = Pick<Workspace, 'id' | 'folder' | 'state'>

/** Our user's workspaces whose owner is no longer alive: those listed in the run folder, and those in `wanted`. */
export async function staleWorkspaces(wanted: string = workspaceRoot()): Promise<StaleWorkspace[]> {
  const root = await realpath(wanted).catch(() => wanted)
  const runs = await runFolder()
  const found = new Map<string, StaleWorkspace>()
  for (const place of runs === undefined ? [root] : [runs, root]) {
    const names = await namesIn(place)
    for (const id of names.filter((name) => NAME.test(name) && !found.has(name))) {
      const stale = await staleAt(join(place, id), place === runs ? join(root, id) : undefined)
      if (stale) found.set(id, stale)
    }
  }
  return [...found.values()]
}

/** A folder in which other users could replace something is not trusted. */
async function namesIn(place: string): Promise<string[]> {
  try {
    return (await exchangeable(place)) === undefined ? await readdir(place) : []
  } catch {
    return []
  }
}

const noteSchema = ownerSchema.extend({ folder: z.string(), state: z.string() })

/**
 * @param at the workspace, or its state
 * @param folder of the workspace, if it is not `at` and the note names no other
 * @returns undefined if it isn't ours, or its owner is alive
 */
async function staleAt(at: string, folder: string = at): Promise<StaleWorkspace | undefined> {
  const id = basename(at)
  if (!(await isPrivate(at))) return undefined
  const text = await readFile(join(at, OWNER), 'utf8').catch(() => '')
  const note = jsonIf(text, noteSchema)
  // Until the note is complete, the pid in the name identifies the owner.
  if (!(await (note ? isGone(note) : hasEnded(Number(NAME.exec(id)?.[1]))))) return undefined
  const state = at === folder ? join(at, STATE) : at
  return {
    id,
    folder: await ownPlace(note?.folder, id, folder),
    state: await ownPlace(note?.state, id, state),
  }
}

/** The noted place, if it can only be ours. */
async function ownPlace(noted: string | undefined, id: string, otherwise: string): Promise<string> {
  if (noted === undefined || !isAbsolute(noted)) return otherwise
  const isNamedSo = basename(noted) === id || noted.endsWith(join('/', id, STATE))
  const isSafe = isNamedSo && (await exchangeable(join(noted, '..')).catch(() => 'gone')) === undefined
  return isSafe && (await isPrivate(noted)) ? noted : otherwise
}
