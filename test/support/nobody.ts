/** Another user of the machine, who has no rights: what it can do, anybody can. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** uid and gid, in every Debian. */
export const NOBODY = 65534

/** Runs a line of shell as that user. */
export async function asNobody(script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const options = { uid: NOBODY, gid: NOBODY, cwd: '/', env: { PATH: process.env.PATH, ...env } }
  return (await promisify(execFile)('sh', ['-c', script], options)).stdout
}
