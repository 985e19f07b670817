/** The stage: the images of a measurement next to the link, and the registry that serves them to it. */
import { TOC_IMAGE_SUFFIX, tocImageOf } from '../../../image/layers/external-toc.ts'
import { openSource } from '../../../image/sources.ts'
import type { Image, ImageSource } from '../../../image/types.ts'
import type { Workspace } from '../../../system/workspace.ts'
import { type Arm, type GivenImages, givenFor } from '../arms.ts'
import { type ExaminedImage, type ExamineOptions, examineImage } from './examine.ts'
import { startOrigin } from './origin.ts'
import type { RegistryAccess, ServedImage } from './origin-order.ts'
import { profilesOf } from './profiles.ts'
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
  /** whether the arm's runtime asks for attached profiles */
  readonly usesProfiles?: (arm: Arm) => boolean
  readonly signal?: AbortSignal
  /** called before each image is staged */
  readonly onImage?: (key: string) => void
}

export async function openStage(
  images: GivenImages,
  arms: readonly Arm[],
  options: StageOptions,
): Promise<Stage> {
  const { registry = {}, onImage } = options
  await using stack = new AsyncDisposableStack()
  /** the report shows the files of this one */
  const subject = arms.find(({ kind }) => kind === 'optimized') ?? arms.find(({ kind }) => kind === 'lazy')
  const staged: StagedArm[] = []
  const served: ServedImage[] = []
  for (const arm of arms) {
    onImage?.(arm.image)
    const one = await stageArm(images, arm, { ...options, registry, listFiles: arm === subject, stack })
    staged.push({ ...arm, staged: one.staged })
    served.push(...one.served)
  }
  const { host } = stack.use(await startOrigin({ images: served, registry }))
  const owned = stack.move()
  return { host, arms: staged, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

interface Staging extends Pick<StageOptions, 'workspace' | 'usesProfiles' | 'signal'> {
  readonly registry: RegistryAccess
  readonly listFiles: boolean
  /** releases what the image is read from */
  readonly stack: AsyncDisposableStack
}

async function stageArm(
  images: GivenImages,
  arm: Arm,
  { workspace, registry, usesProfiles, signal, listFiles, stack }: Staging,
): Promise<{ staged: StagedImage; served: ServedImage[] }> {
  const short = arm.image.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  const given = givenFor(images, arm)
  const pulled = arm.kind === 'legacy' ? 'whole' : 'lazily'
  const asked = { pulled, ...(signal && { signal }) } as const
  const place = { ...asked, workspace, name: short, access: registry }
  const reference = await stageImage(given, arm.staging, place)
  const source = stack.use(await openSource(reference, registry))
  const { image, tocs, examined } = await examineStaged(given, source, { ...asked, listFiles })
  const profiles = usesProfiles?.(arm) ? await profilesOf(given, registry, signal) : []
  const { platform } = image.config
  const name = `bench/${short}:${TAG}`
  const tocName = `bench/${short}:${TOC_TAG}`
  return {
    staged: { ...examined, image, name },
    served: [
      { name, reference, platform, profiles },
      ...(tocs ? [{ name: tocName, reference: tocs.reference, platform, profiles: [] }] : []),
    ],
  }
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
