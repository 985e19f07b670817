/** The images of a measurement, behind the link: brought there, converted for the arm without a zone, and described. */
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Image } from '../../../image/types.ts'
import { DEFAULT_OPTIONS } from '../../../optimizer/options.ts'
import { rebuildImage } from '../../../optimizer/rebuild/image.ts'
import type { Workspace } from '../../../system/workspace.ts'
import { type GivenImages, isPulledDirectly } from '../arms.ts'
import type { BenchImage, BenchLink } from '../file.ts'
import { describeImage } from './image-facts.ts'
import { bringNear } from './stage-image.ts'

export interface RegistryAccess {
  readonly insecure?: boolean | undefined
  readonly caFile?: string | undefined
}

export interface BehindLink {
  readonly image: Image
  /** for `openSource` */
  readonly reference: string
  /** as the person named it */
  readonly called: string
}

export interface ImageOptions extends GivenImages {
  readonly link: BenchLink
  /** of the registry that images are pulled from when the link is not shaped */
  readonly registry?: RegistryAccess | undefined
  readonly signal?: AbortSignal | undefined
}

export const slug = (key: string): string => key.toLowerCase().replace(/[^a-z0-9]+/g, '-')

/**
 * @param keys those that the arms need; `lazy` is made of the original
 * @param opened closes the images' sources when they are no longer needed
 */
export async function prepareImages(
  keys: ReadonlySet<string>,
  options: ImageOptions,
  { workspace, opened }: { workspace: Workspace; opened: AsyncDisposableStack },
  onImage: (key: string) => void,
): Promise<Map<string, BehindLink>> {
  const given = new Map<string, Image>([
    ['original', options.original],
    ...(options.optimized ? [['optimized', options.optimized] as const] : []),
    ...options.others.map(({ name, image }) => [name, image] as const),
  ])
  const behind = new Map<string, BehindLink>()
  for (const key of keys) {
    onImage(key)
    const image = given.get(key) ?? options.original
    const reference = given.has(key)
      ? await placed(image, key, options, workspace)
      : await convertPlain(image, workspace, options.signal)
    const source = opened.use(await openSource(reference, options.registry))
    const there = await source.image(image.config.platform)
    behind.set(key, { image: there, reference, called: image.reference })
  }
  return behind
}

const placed = async (
  image: Image,
  key: string,
  { link, signal }: ImageOptions,
  workspace: Workspace,
): Promise<string> =>
  isPulledDirectly(image, link) ? image.reference : bringNear(image, slug(key), workspace, signal)

/** The original as eStargz without a zone: what lazy pulling alone gains. */
async function convertPlain(
  image: Image,
  workspace: Workspace,
  signal: AbortSignal | undefined,
): Promise<string> {
  const reference = `oci:${await workspace.sub('near')}/lazy:latest`
  await using target = await openTarget(reference)
  await target.prepare({ force: false })
  await rebuildImage({ image, target, startup: [], options: DEFAULT_OPTIONS, ...(signal && { signal }) })
  return reference
}

/** By their names in the file. The one whose zone the report looks into lists its files. */
export async function describeAll(
  behind: ReadonlyMap<string, BehindLink>,
  signal: AbortSignal | undefined,
): Promise<Record<string, BenchImage>> {
  const subject = behind.has('optimized') ? 'optimized' : 'lazy'
  const described = await Promise.all(
    [...behind].map(async ([key, { image, called }]) => {
      const one = await describeImage(image, key === subject, signal)
      return [key, { ...one, reference: called }] as const
    }),
  )
  return Object.fromEntries(described)
}
