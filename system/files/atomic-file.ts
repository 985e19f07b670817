/** Writes files atomically: first beside their final place under an unpredictable name, then renamed. */
import { constants } from 'node:fs'
import { access, chmod, lstat, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { codeOf, diskFull, HeadstartError, isDiskFull, messageOf } from '../errors.ts'
import { isSystemError, systemReason } from '../system-error.ts'
import { besideName, removeLeftovers } from './leftovers.ts'
import { isSharedFolder, trustedUsers } from './private-folder.ts'

/**
 * Writes a file that a person names. A symlink is followed, and what is not a regular file (a pipe, a terminal) is written to; an existing
 * file keeps its permissions, unless another user may have put it there for us to take over.
 * @throws HeadstartError E_DISK_FULL; E_FILE: it can't be written, or another user put a link or a pipe there
 */
export async function writeWhole(file: string, text: string): Promise<void> {
  try {
    await writeOrReplace(file, text)
  } catch (error) {
    // Its name, not that of the file beside it, which nobody knows.
    throw isSystemError(error) ? unwritable(file, error) : error
  }
}

/**
 * For what is written at the end of long work: says now what would fail then.
 * @param option that names the file
 * @throws HeadstartError E_FILE: no such folder, no permission, or the file is a folder
 */
export async function ensureWritable(file: string, option = '-o'): Promise<void> {
  const folder = dirname(file)
  const refuse = (why: string): never => {
    throw new HeadstartError('E_FILE', `${file} can't be written: ${why}`, {
      hint: `Choose another file with ${option}`,
    })
  }
  const above = await stat(folder).catch(ifAbsent)
  if (!above) return refuse(`the folder ${folder} does not exist`)
  if (!above.isDirectory()) return refuse(`${folder} is not a folder`)
  const there = await stat(file).catch(ifAbsent)
  if (there?.isDirectory()) return refuse('it is a folder')
  // A pipe or a device is written to; a file is replaced by one that is made beside it.
  const written = there && !there.isFile() ? file : folder
  await access(written, constants.W_OK).catch((error: unknown) => refuse(reasonOf(error)))
}

const reasonOf = (error: unknown): string => systemReason(error) ?? messageOf(error)

const unwritable = (file: string, cause: unknown): HeadstartError =>
  isDiskFull(cause)
    ? diskFull(dirname(file), cause, ` for ${file}`)
    : new HeadstartError('E_FILE', `${file} can't be written: ${reasonOf(cause)}`, { cause })

async function writeOrReplace(file: string, text: string): Promise<void> {
  const entry = await lstat(file).catch(ifAbsent)
  if (entry && !entry.isFile()) await refuseForeign(file, entry.uid)
  const there = await stat(file).catch(ifAbsent)
  if (there && !there.isFile()) return writeThrough(file, text)
  const place = there ? await realpath(file) : file
  await removeLeftovers(dirname(place), basename(place)).catch(() => {}) // the folder may be writable but not readable
  await placeWhole(place, async (beside) => {
    await writeNew(beside, text)
    if (there && !(await isForeign(place, there.uid))) await chmod(beside, there.mode & 0o777)
  })
}

/**
 * `fill` creates the file whose name it is given, and fails if it exists; that file then replaces `file`, or is removed on failure.
 */
export async function placeWhole(file: string, fill: (beside: string) => Promise<unknown>): Promise<void> {
  const beside = join(dirname(file), await besideName(basename(file)))
  try {
    await fill(beside)
    await rename(beside, file)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') await rm(beside, { force: true }).catch(() => {})
    throw error
  }
}

/** Synced to disk when it returns: a crash must not leave a name without its content. */
export async function writeNew(file: string, content: string | Uint8Array): Promise<void> {
  await using handle = await open(file, 'wx')
  await handle.writeFile(content)
  await handle.sync()
}

/** Neither created nor truncated: for pipes and devices. */
async function writeThrough(file: string, text: string): Promise<void> {
  await using handle = await open(file, constants.O_WRONLY | constants.O_NOCTTY)
  await handle.writeFile(text)
}

/** In a folder like /tmp anybody can plant a link to one of our files. Source: Linux's fs.protected_symlinks. */
const isForeign = async (file: string, uid: number): Promise<boolean> =>
  (await isSharedFolder(dirname(file))) && !(await trustedUsers()).has(uid)

async function refuseForeign(file: string, uid: number): Promise<void> {
  if (!(await isForeign(file, uid))) return
  throw new HeadstartError(
    'E_FILE',
    `${file} is not a regular file, and belongs to another user (uid ${uid})`,
    {
      hint: 'Choose another file',
    },
  )
}

function ifAbsent(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT') return undefined
  throw error
}
