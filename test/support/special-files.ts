/** A folder of things that must not be read whole: a pipe that nobody writes to, a device without an end, a file that is too large. */
import { mkdtemp, open, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../../system/process/command.ts'

/** by name, with the code of what they are refused with */
export const SPECIAL_FILES: Readonly<Record<string, string>> = {
  pipe: 'E_NOT_A_FILE',
  endless: 'E_NOT_A_FILE',
  huge: 'E_TOO_LARGE',
}

export async function specialFiles(): Promise<{ readonly folder: string } & AsyncDisposable> {
  const folder = await mkdtemp('/var/tmp/hs-read-')
  await runCommand('mkfifo', [join(folder, 'pipe')])
  await symlink('/dev/zero', join(folder, 'endless'))
  await using huge = await open(join(folder, 'huge'), 'w')
  await huge.truncate(2 ** 33)
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}
