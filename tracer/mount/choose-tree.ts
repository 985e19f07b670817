/**
 * Chooses where an image's files come from, with the least work: the engine's own unpacked layers; else read lazily, if all layers are
 * eStargz; else unpacked here.
 */

import { ANSWER_MS, connectLocalEngine } from '../../image/daemon/connection.ts'
import { TOC_DIGEST_ANNOTATION } from '../../image/estargz/format/toc.ts'
import { openIfReadable } from '../../image/layers/estargz.ts'
import { formatPlatform } from '../../image/platform.ts'
import { type UnpackOptions, unpackLayers } from '../../image/rootfs/unpack/layers.ts'
import type { Image, Layer } from '../../image/types.ts'
import { mapLimit } from '../../system/map-limit.ts'
import type { Workspace } from '../../system/workspace.ts'
import { findLayerFolders } from '../container/docker/layers.ts'
import { type LazyTree, lazyTree } from './lazy/tree.ts'
import { mountLayers } from './stack-rootfs.ts'

/** Layers whose tables of contents are read at the same time. */
const AT_ONCE = 4

/** A lazy one still lacks its cache folder: each mount has its own. */
export type Tree = { readonly folder: string } | Omit<LazyTree, 'cacheFolder'>

/**
 * @param source how to open an eStargz image again for lazy reading
 * @throws what reading and unpacking the layers throws
 */
export async function chooseTree(
  image: Image,
  workspace: Workspace,
  source: { readonly insecure?: boolean; readonly caFile?: string },
  options: WholeOptions = {},
): Promise<Tree> {
  const folders = await engineFolders(image, options.signal)
  if (!folders && (await isLazy(image, options.signal))) {
    const platform = formatPlatform(image.config.platform)
    return lazyTree({ reference: image.reference, platform, prefetch: 'zone', ...source })
  }
  return { folder: await folderOf(image, folders, workspace, options) }
}

type WholeOptions = Pick<UnpackOptions, 'signal' | 'onWarning' | 'onProgress'>

/** A folder with all of it. @throws what reading and unpacking the layers throws */
export const wholeTree = async (image: Image, workspace: Workspace, options: WholeOptions): Promise<string> =>
  folderOf(image, await engineFolders(image, options.signal), workspace, options)

async function folderOf(
  image: Image,
  folders: readonly string[] | undefined,
  workspace: Workspace,
  options: WholeOptions,
): Promise<string> {
  if (folders) return mountLayers(workspace, folders)
  const folder = await workspace.sub('image')
  await unpackLayers(image, folder, options)
  return folder
}

/** The manifest alone doesn't tell: other formats, and layers that were compressed again, may carry the annotation, too. */
async function isLazy({ layers }: Image, signal = new AbortController().signal): Promise<boolean> {
  const isAnnotated = ({ descriptor }: Layer) => descriptor.annotations?.[TOC_DIGEST_ANNOTATION] !== undefined
  if (layers.length === 0 || !layers.every(isAnnotated)) return false
  const opened = await mapLimit(layers, AT_ONCE, signal, (layer, _, either) => openIfReadable(layer, either))
  return opened.every((layer) => layer !== undefined)
}

/** None without an engine, or with a remote one. */
async function engineFolders(image: Image, signal?: AbortSignal): Promise<string[] | undefined> {
  try {
    return await findLayerFolders(await connectLocalEngine({ signal, limitMs: ANSWER_MS }), image)
  } catch {
    signal?.throwIfAborted()
    return undefined
  }
}
