/** The image's files as a folder on this machine: the engine's own unpacked layers where it has them, else unpacked here. */

import type { Image } from '../image/types.ts'
import { unpackLayers } from '../image/unpack.ts'
import type { Workspace } from '../image/workspace.ts'
import { connectDocker } from './engine/docker-connection.ts'
import { findLayerFolders } from './engine/docker-layers.ts'
import { mountLayers } from './rootfs.ts'

export async function imageTree(
  image: Image,
  workspace: Workspace,
  signal?: AbortSignal,
): Promise<{ folder: string }> {
  const folders = await engineFolders(image)
  if (folders) return { folder: await mountLayers(workspace, folders) }
  const folder = await workspace.sub('image')
  await unpackLayers(image, folder, { ...(signal && { signal }) })
  return { folder }
}

/** Without an engine, or with a remote one, there are none. */
async function engineFolders(image: Image): Promise<string[] | undefined> {
  try {
    return await findLayerFolders(await connectDocker(), image)
  } catch {
    return undefined
  }
}
