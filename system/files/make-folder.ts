/** Makes a folder, and those above it. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf } from '../errors.ts'

/**
 * Not by `mkdir`'s own recursion, which never ends in a file system that says that the folder above isn't there although it is, as /proc does.
 * A folder that is there already stays as it is.
 * @param mode of every folder that is made
 * @returns the highest one that was made; undefined: none was missing
 * @throws what `mkdir` throws: EEXIST: it is no folder; ENOENT also where none can be made; ENOTDIR, EACCES, EROFS
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<string | undefined> {
  try {
    return await made(folder, mode)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error
    const above = await makeFolder(dirname(folder), mode)
    const here = await made(folder, mode)
    return above ?? here
  }
}

async function made(folder: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(folder, { mode })
    return folder
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !(await stat(folder)).isDirectory()) throw error
    return undefined
  }
}
