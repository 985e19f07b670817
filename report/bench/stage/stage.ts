/** The stage: the images of a measurement next to the link, and the registry that serves them to it. */
import { openSource } from '../../../image/sources.ts'
import type { Image } from '../../../image/types.ts'
import type { Workspace } from '../../../system/workspace.ts'
import { type GivenImages, imageOf, isPulledDirectly } from '../arms.ts'
import type { BenchLink } from '../file.ts'
import { type ExaminedImage, examineImage } from './examine.ts'
import { startOrigin } from './origin.ts'
import type { RegistryAccess } from './origin-order.ts'
import { stageImage, stageWithoutZone } from './stage-image.ts'

export interface StageRequest {
  readonly images: GivenImages
  readonly link: BenchLink
  /** of the registry that images are pulled from directly when the link is not shaped */
  readonly registry?: RegistryAccess
  readonly signal?: AbortSignal
}

export interface StagedImage extends ExaminedImage {
  readonly image: Image
  /** `name:tag` in the stage's registry */
  readonly name: string
}

export interface Stage extends AsyncDisposable {
  /** of its registry: `127.0.0.1:PORT`, plain HTTP */
  readonly host: string
  /** by their keys in the measurement file */
  readonly images: ReadonlyMap<string, StagedImage>
}

export interface StageOptions {
  /** the images that the arms pull; `lazy` is made from the original */
  readonly keys: ReadonlySet<string>
  readonly workspace: Workspace
  /** called before each image is staged */
  readonly onImage?: (key: string) => void
}

export async function openStage(request: StageRequest, options: StageOptions): Promise<Stage> {
  const { registry, signal } = request
  const { keys, onImage } = options
  await using stack = new AsyncDisposableStack()
  /** the report shows the files of this one */
  const subject = keys.has('optimized') ? 'optimized' : 'lazy'
  const images = new Map<string, StagedImage>()
  const served: { name: string; reference: string; image: Image }[] = []
  for (const key of keys) {
    onImage?.(key)
    const given = imageOf(request.images, key)
    const reference = await stagedReference(key, request, options.workspace)
    const source = stack.use(await openSource(reference, registry))
    const image = await source.image(given.config.platform)
    const examined = await examineImage(image, { listFiles: key === subject, ...(signal && { signal }) })
    const name = `bench/${slug(key)}:latest`
    // The file names the image as it was given, not its copy on the stage.
    images.set(key, { ...examined, facts: { ...examined.facts, reference: given.reference }, image, name })
    served.push({ name, reference, image })
  }
  const origin = stack.use(
    await startOrigin({
      images: served.map(({ image, ...one }) => ({ ...one, platform: image.config.platform })),
      registry: registry ?? {},
    }),
  )
  const owned = stack.move()
  return { host: origin.host, images, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const slug = (key: string): string => key.toLowerCase().replace(/[^a-z0-9]+/g, '-')

async function stagedReference(
  key: string,
  { images, link, signal }: StageRequest,
  workspace: Workspace,
): Promise<string> {
  const image = imageOf(images, key)
  const place = { workspace, name: slug(key), ...(signal && { signal }) }
  if (key === 'lazy') return stageWithoutZone(image, place)
  return isPulledDirectly(image, link) ? image.reference : stageImage(image, place)
}
