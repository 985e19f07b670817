/** What the Docker engine does for its own images in a container's root, and can't do in one that is bind-mounted. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { z } from 'zod'
import { scanTar } from '../../../image/tar/scan.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { runCommand } from '../../../system/process/command.ts'
import { NETWORK_FILES } from '../mount-points.ts'
import { folderInside, makeFileInside, makeFolderInside } from '../root-files.ts'
import type { ContainerRequest } from '../types.ts'
import { asRunError } from './errors.ts'

/** Where something is to be mounted in a root that can only be read, nothing can be made any more. @throws HeadstartError E_PATH */
export async function makePlaces({ root, options }: ContainerRequest): Promise<void> {
  if (!options.readOnly) return
  for (const file of NETWORK_FILES) makeFileInside(root, file)
  for (const { type, source, target } of options.binds ?? []) {
    const isFolder = type !== 'bind' || !(await isFile(source))
    if (isFolder) makeFolderInside(root, target)
    else makeFileInside(root, target)
  }
}

/** One that isn't there becomes a folder. */
const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => !stats.isDirectory(),
    () => false,
  )

const volumes = z.array(
  z.object({
    Type: z.string(),
    /** of a volume on this machine: its folder */
    Source: z.string().optional(),
    Destination: z.string(),
    Driver: z.string().optional(),
  }),
)

/**
 * As the engine does: a new volume begins with what the image has in its place, and belongs to whom that belongs to.
 * @param outside the engine is, and so are its volumes
 */
export async function fillVolumes(
  container: Docker.Container,
  { root, options }: ContainerRequest,
  outside: boolean,
): Promise<void> {
  if (!options.binds?.some(({ type }) => type === 'volume')) return
  const { Mounts } = await asRunError(container.inspect())
  for (const { Type, Source, Destination, Driver } of volumes.parse(Mounts)) {
    if (Type !== 'volume' || Driver !== 'local' || Source === undefined) continue
    const place = folderInside(root, Destination)
    if (place === undefined) continue
    if (outside) await fillOutside(container, place, Destination)
    else if ((await readdir(Source)).length === 0) await runCommand('cp', ['-a', '--', `${place}/.`, Source])
  }
}

/** Through the engine, which has given the volume the owner and mode of its place already: the shell has those. */
async function fillOutside(container: Docker.Container, place: string, target: string): Promise<void> {
  if ((await readdir(place)).length === 0 || (await holdsAnything(container, target))) return
  const args = ['--xattrs', '--xattrs-include=*', '-C', place, '-cf', '-', '.']
  const tar = spawn('tar', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(tar, 'close')
  await asRunError(container.putArchive(tar.stdout, { path: target }))
  const [status] = await ended
  if (status !== 0)
    throw new HeadstartError('E_RUN', `the volume at ${target} could not be filled: tar failed`)
}

/** More than the folder itself. */
async function holdsAnything(container: Docker.Container, path: string): Promise<boolean> {
  const tar = Readable.from(await asRunError(container.getArchive({ path })))
  let entries = 0
  for await (const event of scanTar(tar)) if (event.kind === 'entry' && ++entries > 1) return true
  return false
}
