/**
 * The engine refuses a bind mount at `/`. So a container gets a shell image, with the root's folders and symlinks but no content, and
 * everything at the top of the real root (folders, files, devices) is bind-mounted over it.
 */
import { isUtf8 } from 'node:buffer'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { pack } from 'tar-stream'
import { followed } from '../../image/daemon/client.ts'
import { textOf } from '../../system/byte-path.ts'
import { HeadstartError } from '../../system/errors.ts'
import { OWNER_LABEL } from './docker-config.ts'
import { asRunError } from './docker-errors.ts'
import { ENGINE_FOLDERS } from './mount-points.ts'
import { readInside } from './root-files.ts'
import type { ContainerRequest } from './types.ts'

/** Its tags are workspace IDs, so that images left by a killed run can be recognized. */
export const SHELL_REPOSITORY = 'headstart-shell'
/** Users and groups are looked up in the image, before the binds are there. */
const LOOKED_UP = ['etc/passwd', 'etc/group']

export const shellName = (id: string): string => `${SHELL_REPOSITORY}:${id}`

/**
 * @param mark of us
 * @returns the image's name
 */
export async function createShell(
  docker: Docker,
  { id, root, plainRoot }: ContainerRequest,
  mark: string,
): Promise<string> {
  const tar = pack()
  for (const name of await readdir(root)) {
    const stats = await lstat(join(root, name))
    const { mode, uid, gid } = stats
    if (stats.isDirectory()) tar.entry({ name, type: 'directory', mode: mode & 0o7777, uid, gid })
    if (stats.isSymbolicLink()) {
      tar.entry({ name, type: 'symlink', linkname: await readlink(join(root, name)), uid, gid })
    }
  }
  for (const name of LOOKED_UP) {
    const text = await readInside(plainRoot, name)
    if (text !== undefined) tar.entry({ name }, text)
  }
  tar.finalize()
  const name = shellName(id)
  const label = { changes: `LABEL ${OWNER_LABEL}=${mark}` }
  const options = { repo: SHELL_REPOSITORY, tag: id, ...label }
  const stream = await asRunError(docker.importImage(Readable.from(tar), options))
  await asRunError(followed(docker, stream))
  return name
}

/** Everything in the root, except where the caller mounts something else. @throws HeadstartError E_RUN */
export async function rootBinds({ root, options }: ContainerRequest): Promise<Docker.MountSettings[]> {
  const covered = new Set(options.binds?.map(({ target }) => target))
  const entries = await readdir(root, { withFileTypes: true, encoding: 'buffer' })
  return entries
    .filter((entry) => !entry.isSymbolicLink())
    .map((entry) => nameOf(entry.name))
    .filter((name) => !ENGINE_FOLDERS.includes(name) && !covered.has(`/${name}`))
    .map((name) => ({ Type: 'bind', Source: join(root, name), Target: `/${name}` }))
}

/** The engine's API takes names as text. */
function nameOf(name: Buffer): string {
  if (isUtf8(name)) return name.toString()
  throw new HeadstartError(
    'E_RUN',
    `the Docker engine cannot mount a folder with this name: /${textOf(name.toString('latin1'))}`,
    { hint: 'Use --engine runc' },
  )
}
