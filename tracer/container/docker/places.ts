/** What the Docker engine does for its own images in a container's root, and can't do in one that is bind-mounted. */
import { readdir, stat } from 'node:fs/promises'
import type Docker from 'dockerode'
import { z } from 'zod'
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
    const isFolder = type !== 'bind' || (await stat(source)).isDirectory()
    if (isFolder) makeFolderInside(root, target)
    else makeFileInside(root, target)
  }
}

const volumes = z.array(
  z.object({
    Type: z.string(),
    /** of a volume on this machine: its folder */
    Source: z.string().optional(),
    Destination: z.string(),
    Driver: z.string().optional(),
  }),
)

/** As the engine does: a new volume begins with what the image has in its place, and belongs to whom that belongs to. */
export async function fillVolumes(
  container: Docker.Container,
  { root, options }: ContainerRequest,
): Promise<void> {
  if (!options.binds?.some(({ type }) => type === 'volume')) return
  const { Mounts } = await asRunError(container.inspect())
  for (const { Type, Source, Destination, Driver } of volumes.parse(Mounts)) {
    if (Type !== 'volume' || Driver !== 'local' || Source === undefined) continue
    const place = folderInside(root, Destination)
    if (place === undefined || (await readdir(Source)).length > 0) continue
    await runCommand('cp', ['-a', '--', `${place}/.`, Source])
  }
}
