/** The stage: the images of a measurement next to the link, and the registry that serves them to it. */
import { TOC_IMAGE_SUFFIX, tocImageOf } from '../../../image/layers/external-toc.ts'
import { openSource } from '../../../image/sources.ts'
import type { Image, ImageSource } from '../../../image/types.ts'
import type { Workspace } from '../../../system/workspace.ts'
import { type Arm, type GivenImages, givenFor } from '../arms.ts'
import { type ExaminedImage, type ExamineOptions, examineImage } from './examine.ts'
import { startOrigin } from './origin.ts'
import type { RegistryAccess, ServedImage } from './origin-order.ts'
import { hasExternalTocs, type StagePlace, stageImage } from './stage-image.ts'

export interface StagedImage extends ExaminedImage {
  readonly image: Image
  /** `name:tag` in the stage's registry */
  readonly name: string
}

/** An arm with the image that it pulls. */
export interface StagedArm extends Arm {
  readonly staged: StagedImage
}

export interface Stage extends AsyncDisposable {
  /** of its registry: `127.0.0.1:PORT`, plain HTTP */
  readonly host: string
  readonly arms: readonly StagedArm[]
}

export interface StageOptions {
  readonly workspace: Workspace
  /** of the registry that images are pulled from directly when the link is not shaped */
  readonly registry?: RegistryAccess
  readonly signal?: AbortSignal
  /** called before each image is staged */
  readonly onImage?: (key: string) => void
}

export async function openStage(
  images: GivenImages,
  arms: readonly Arm[],
  { workspace, registry = {}, signal, onImage }: StageOptions,
): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  /** the report shows the files of this one */
  const subject = arms.find(({ kind }) => kind === 'optimized') ?? arms.find(({ kind }) => kind === 'lazy')
  const staged: StagedArm[] = []
  const served: ServedImage[] = []
  for (const arm of arms) {
    onImage?.(arm.image)
    const name = arm.image.toLowerCase().replace(/[^a-z0-9]+/g, '-')
    const given = givenFor(images, arm)
    const pulled = arm.kind === 'legacy' ? 'whole' : 'lazily'
    const asked = { pulled, ...(signal && { signal }) } as const
    const reference = await stageImage(given, arm.staging, { ...asked, workspace, name, access: registry })
    const source = stack.use(await openSource(reference, registry))
    const one = await examineStaged(given, source, { ...asked, listFiles: arm === subject })
    staged.push({ ...arm, staged: { ...one.examined, image: one.image, name: `bench/${name}:${TAG}` } })
    const { platform } = one.image.config
    served.push({ name: `bench/${name}:${TAG}`, reference, platform })
    if (one.tocs) served.push({ name: `bench/${name}:${TOC_TAG}`, reference: one.tocs.reference, platform })
  }
  const { host } = stack.use(await startOrigin({ images: served, registry }))
  const owned = stack.move()
  return { host, arms: staged, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const TAG = 'latest'
const TOC_TAG = `${TAG}${TOC_IMAGE_SUFFIX}`

async function examineStaged(
  given: Image,
  source: ImageSource,
  { pulled, ...options }: Pick<ExamineOptions, 'listFiles' | 'signal'> & Pick<StagePlace, 'pulled'>,
) {
  const image = await source.image(given.config.platform)
  const isExternal = pulled === 'lazily' && (await hasExternalTocs(image, options.signal))
  const tocs = isExternal ? await tocImageOf(source) : undefined
  const examined = await examineImage(image, {
    ...options,
    ...(tocs && { tocs: { image: tocs, tag: TOC_TAG } }),
  })
  // The file names the image as it was given, not its copy on the stage.
  return { image, tocs, examined: { ...examined, facts: { ...examined.facts, reference: given.reference } } }
}
