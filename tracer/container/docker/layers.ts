/** Where the Docker engine keeps an image's unpacked layers, so that nothing has to be copied. */
import type Docker from 'dockerode'
import { z } from 'zod'
import type { Image } from '../../../image/types.ts'
import { exists } from '../../../system/files/exists.ts'

const graphDriver = z.object({
  Name: z.literal('overlay2'),
  Data: z.object({ UpperDir: z.string(), LowerDir: z.string().optional() }),
})

/**
 * @returns folders topmost first, or undefined: the engine does not have this image, stores it another way (the containerd
 * image store), or is on another machine
 */
export async function findLayerFolders(docker: Docker, image: Image): Promise<string[] | undefined> {
  const inspected = await docker
    .getImage(image.manifest.config.digest)
    .inspect()
    .catch(() => undefined)
  if (inspected?.RootFS.Layers?.join() !== image.config.diffIds.join()) return undefined
  const driver = graphDriver.safeParse(inspected.GraphDriver)
  if (!driver.success) return undefined
  const { UpperDir, LowerDir } = driver.data.Data
  const folders = [UpperDir, ...(LowerDir ? LowerDir.split(':') : [])]
  return (await Promise.all(folders.map(exists))).every(Boolean) ? folders : undefined
}
