/** Builds Go programs of tests and benches on Debian's packages, once for their sources. Needs golang-go and the stargz library's package. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../../system/process/command.ts'

/** Debian's own: its old packages may not build with a newer Go that comes first on the PATH. */
const DEBIAN_GO = '/usr/lib/go/bin/go'
export const debianGo = existsSync(DEBIAN_GO) ? DEBIAN_GO : 'go'
const CACHE = new URL('../../.cache/go/', import.meta.url).pathname

/** @param folder of a `main` package. @returns path of the program */
export async function buildGo(folder: string): Promise<string> {
  const program = join(CACHE, await digestOf(folder, /\.go$/))
  if (existsSync(program)) return program
  await mkdir(CACHE, { recursive: true })
  const beside = `${program}.${process.pid}`
  // The packages of a Debian system are a GOPATH, not modules.
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    GOPATH: '/usr/share/gocode',
    GOFLAGS: '',
    GOCACHE: join(CACHE, 'cache'),
  }
  await runCommand(debianGo, ['build', '-o', beside, '.'], { cwd: folder, env })
  await rename(beside, program)
  return program
}

/** Names what is built from a folder's own files, so that it is built again when they change. */
export async function digestOf(folder: string, files: RegExp): Promise<string> {
  const hash = createHash('sha256')
  for (const name of (await readdir(folder)).filter((each) => files.test(each)).sort())
    hash.update(await readFile(join(folder, name)))
  return hash.digest('hex').slice(0, 16)
}
