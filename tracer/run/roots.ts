/** What a run's container is started from: an image of the engine, or a root that is read lazily or has been unpacked. */
import { z } from 'zod'
import { type EngineFacts, parseConfig, parseEngineFacts } from '../../image/config.ts'
import type { PullOptions } from '../../image/daemon/pull.ts'
import { checkPlatform } from '../../image/platform.ts'
import type { Reference } from '../../image/reference.ts'
import type { UnpackOptions } from '../../image/rootfs/unpack/layers.ts'
import type { ImageConfig, Platform, ProcessConfig } from '../../image/types.ts'
import type { Workspace } from '../../system/workspace.ts'
import { lazyTree } from '../mount/lazy/tree.ts'
import type { Mount } from '../mount/mount.ts'
import { mountWritable, stackRootfs } from '../mount/stack-rootfs.ts'

export interface FolderRoot {
  readonly kind: 'folder'
  /** writable */
  readonly folder: string
  readonly config: ProcessConfig
  readonly facts: EngineFacts
  /** of one that is read lazily */
  readonly mount?: Mount
}

export interface StoredRoot {
  readonly kind: 'stored'
  /** the engine's name for it */
  readonly image: string
  readonly config: ProcessConfig
}

export type Root = FolderRoot | StoredRoot

/** How images are reached. */
export interface Access {
  readonly insecure?: boolean
  readonly caFile?: string
  readonly platform?: Platform
}

/** What is passed to the mount as it is. */
export type LazyChoices = Pick<Parameters<typeof lazyTree>[0], 'profile' | 'background' | 'cache'>

export interface Opening {
  readonly workspace: Workspace
  readonly signal: AbortSignal
}

/** @throws what opening the image throws; see `whyWhole` */
export async function openLazily(
  options: Parameters<typeof lazyTree>[0],
  { workspace, signal, onAsked }: Opening & { readonly onAsked: () => void },
  stack: AsyncDisposableStack,
): Promise<FolderRoot> {
  const tree = { ...lazyTree(options), cacheFolder: await workspace.sub('cache') }
  const rootfs = stack.use(
    await stackRootfs({ workspace, tree, record: false, server: 'kernel', onAsked, signal }),
  )
  const { rawConfig = '', reference = '' } = rootfs.mount.lazy ?? {}
  const { folder, mount } = rootfs
  const bytes = Buffer.from(rawConfig, 'base64')
  const facts = parseEngineFacts(bytes, reference)
  return { kind: 'folder', folder, config: parseConfig(bytes, reference).process, facts, mount }
}

/** @throws HeadstartError E_IMAGE_NOT_FOUND, E_ENGINE, E_PLATFORM */
export async function openStored(
  image: string,
  { platform, signal }: Pick<PullOptions, 'platform' | 'signal'>,
): Promise<StoredRoot> {
  const { connectLocalEngine } = await import('../../image/daemon/connection.ts')
  const { engineError } = await import('../../image/daemon/client.ts')
  const engine = await connectLocalEngine({ signal })
  const found = await engine
    .getImage(image)
    .inspect()
    .catch((error: unknown) => {
      throw engineError(error, `inspect ${image}`)
    })
  const config = configOf(found, image)
  checkPlatform(config.platform, platform, `docker-daemon:${image}`)
  return { kind: 'stored', image, config: config.process }
}

const inspected = z.object({ Config: z.unknown(), Architecture: z.string(), Os: z.string() })

/** The engine's description has the config's own fields. */
function configOf(found: unknown, image: string): ImageConfig {
  const { Config, Architecture, Os } = inspected.parse(found)
  const rootfs = { type: 'layers', diff_ids: [] }
  const text = JSON.stringify({ config: Config, architecture: Architecture, os: Os, rootfs })
  return parseConfig(Buffer.from(text), image)
}

/** The engine has it afterwards, as after docker pull. @throws HeadstartError E_IMAGE_NOT_FOUND, E_ENGINE, E_CREDENTIALS */
export async function openPulled(
  reference: Reference,
  options: PullOptions & { readonly signal: AbortSignal },
): Promise<StoredRoot> {
  const { signal } = options
  const { connectLocalEngine } = await import('../../image/daemon/connection.ts')
  const { nameOf } = await import('../../image/daemon/client.ts')
  const { pullIntoEngine } = await import('../../image/daemon/pull.ts')
  await pullIntoEngine(await connectLocalEngine({ signal }), reference, options)
  return openStored(nameOf(reference), options)
}

/** @param reference as it was given. @throws what opening, reading and unpacking the image throws */
export async function openUnpacked(
  reference: string,
  { platform, ...access }: Access,
  { workspace, ...options }: Opening & Pick<UnpackOptions, 'onWarning' | 'onProgress'>,
  stack: AsyncDisposableStack,
): Promise<FolderRoot> {
  const { openSource } = await import('../../image/sources.ts')
  const { wholeTree } = await import('../mount/choose-tree.ts')
  const { signal } = options
  const source = stack.use(await openSource(reference, { ...access, workspace, signal }))
  const image = await source.image(platform)
  const known = { config: image.config.process, facts: parseEngineFacts(image.rawConfig, image.reference) }
  const whole = await wholeTree(image, workspace, options)
  const { folder } = stack.use(await mountWritable(workspace, whole))
  return { kind: 'folder', folder, ...known }
}
