/**
 * Where commands note what they run, apart from large files: `/run/headstart` for root, `$XDG_RUNTIME_DIR/headstart` for others. A later
 * command finds killed ones there, whichever folder for temporary files they used. A reboot empties it, just as it ends containers and
 * mounts.
 */
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { codeOf, HeadstartError, messageOf } from '../errors.ts'
import { makeFolder } from './make-folder.ts'
import { exchangeable, isPrivate } from './private-folder.ts'

/** @returns undefined if there is none: an ordinary user needs none. @throws HeadstartError E_RUN_FOLDER: others can access it */
export async function runFolder(): Promise<string | undefined> {
  const named = process.env.HEADSTART_RUNDIR
  const folder = named === undefined ? usualFolder() : resolve(named)
  if (folder === undefined) return undefined
  try {
    await (named === undefined ? mkdir(folder, { mode: 0o700 }) : makeFolder(folder, 0o700))
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') {
      if (named === undefined) return undefined // no such folder, or one that can't be written
      throw new HeadstartError('E_RUN_FOLDER', `HEADSTART_RUNDIR can't be used: ${messageOf(cause)}`, {
        cause,
      })
    }
  }
  const fault = (await isPrivate(folder))
    ? await exchangeable(folder)
    : 'it is not a folder that only its owner can enter'
  if (fault === undefined) return folder
  throw new HeadstartError('E_RUN_FOLDER', `${folder} is not safe to use: ${fault}`, {
    hint: 'Remove it, or set HEADSTART_RUNDIR to a folder that only you can access (mode 0700)',
  })
}

function usualFolder(): string | undefined {
  if (process.geteuid?.() === 0) return '/run/headstart'
  return process.env.XDG_RUNTIME_DIR ? join(process.env.XDG_RUNTIME_DIR, 'headstart') : undefined
}
