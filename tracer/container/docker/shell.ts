/**
 * The engine refuses a bind mount at `/`. So a container gets a shell image, with the root's folders and symlinks but no content, and
 * everything at the top of the real root (folders, files, devices) is bind-mounted over it.
 */
import { isUtf8 } from 'node:buffer'
import type { Stats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { followed } from '../../../image/daemon/client.ts'
import { END_OF_TAR, encodeHeader, NOBODY, plainFileHeader } from '../../../image/tar/encode.ts'
import { paddingOf } from '../../../image/tar/entry.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { bytePathOf } from '../../../system/files/secure-join.ts'
import { textOf } from '../../../system/text/byte-path.ts'
import { ENGINE_FOLDERS } from '../mount-points.ts'
import { folderInside, readInside } from '../root-files.ts'
import type { ContainerRequest } from '../types.ts'
import { OWNER_LABEL } from './config.ts'
import { asRunError } from './errors.ts'
import { shellName } from './shell-name.ts'

/** Users and groups are looked up in the image, before the binds are there. */
const LOOKED_UP = ['etc/passwd', 'etc/group']

/**
 * @param mark of us
 * @returns the image's name
 */
export async function createShell(docker: Docker, request: ContainerRequest, mark: string): Promise<string> {
  const { repository, tag } = shellName(request.id, request.image)
  const label = { changes: `LABEL ${OWNER_LABEL}=${mark}` }
  const options = { repo: repository, tag, ...label }
  const stream = await asRunError(docker.importImage(Readable.from(await shellTar(request)), options))
  await asRunError(followed(docker, stream))
  return `${repository}:${tag}`
}

/** The root's top folders and symlinks, those of volumes, and the files that are looked up. */
async function shellTar(request: ContainerRequest): Promise<Buffer[]> {
  const { root, plainRoot } = request
  const parts: Buffer[] = []
  for (const name of await readdir(root)) {
    const stats = await lstat(join(root, name))
    if (stats.isDirectory()) parts.push(folderHeader(name, stats))
    if (stats.isSymbolicLink()) {
      const { uid, gid } = stats
      const linkName = bytePathOf(await readlink(join(root, name)))
      const fields = { ...NOBODY, uid, gid, size: 0, mode: 0o777 }
      parts.push(encodeHeader({ ...fields, name: bytePathOf(name), linkName, flag: '2' }, []))
    }
  }
  // At once: of a root that is read lazily each may be a round trip.
  const texts = await Promise.all(LOOKED_UP.map((name) => readInside(plainRoot, name)))
  for (const [index, name] of LOOKED_UP.entries()) {
    const text = texts[index]
    if (text === undefined) continue
    const content = Buffer.from(text)
    parts.push(plainFileHeader(name, content.length), content, Buffer.alloc(paddingOf(content.length)))
  }
  return [...parts, ...(await volumePlaces(request)), END_OF_TAR]
}

/** From these the engine knows whose a new volume is. Those at the top are there already, and it takes no path twice. */
async function volumePlaces({ root, options }: ContainerRequest): Promise<Buffer[]> {
  const volumes = (options.binds ?? []).filter(({ type }) => type === 'volume')
  const targets = new Set(volumes.map(({ target }) => target.slice(1)))
  const parts: Buffer[] = []
  for (const target of targets) {
    const place = target.includes('/') ? folderInside(root, target) : undefined
    if (place !== undefined) parts.push(folderHeader(target, await lstat(place)))
  }
  return parts
}

const folderHeader = (name: string, { mode, uid, gid }: Stats): Buffer =>
  encodeHeader(
    { ...NOBODY, uid, gid, size: 0, name: `${bytePathOf(name)}/`, mode: mode & 0o7777, flag: '5' },
    [],
  )

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
