/** The stage: the images of a measurement next to the link, and the registry that serves them to it. */
import { openSource } from '../../../image/sources.ts'
import type { Image } from '../../../image/types.ts'
import type { Workspace } from '../../../system/workspace.ts'
import type { Arm } from '../arms.ts'
import { type ExaminedImage, examineImage } from './examine.ts'
import { startOrigin } from './origin.ts'
import type { RegistryAccess, ServedImage } from './origin-order.ts'
import { stageImage } from './stage-image.ts'

export interface StageRequest {
  /** of the registry that images are pulled from directly when the link is not shaped */
  readonly registry?: RegistryAccess
  readonly signal?: AbortSignal
}

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
  /** called before each image is staged */
  readonly onImage?: (key: string) => void
}

export async function openStage(
  arms: readonly Arm[],
  { registry = {}, signal }: StageRequest,
  { workspace, onImage }: StageOptions,
): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  /** the report shows the files of this one */
  const subject = arms.find(({ kind }) => kind === 'optimized') ?? arms.find(({ kind }) => kind === 'lazy')
  const staged: StagedArm[] = []
  const served: ServedImage[] = []
  for (const arm of arms) {
    onImage?.(arm.image)
    const slug = arm.image.toLowerCase().replace(/[^a-z0-9]+/g, '-')
    const reference = await stageImage(arm, { workspace, name: slug, ...(signal && { signal }) })
    const { platform } = arm.given.config
    const image = await stack.use(await openSource(reference, registry)).image(platform)
    const examined = await examineImage(image, { listFiles: arm === subject, ...(signal && { signal }) })
    // The file names the image as it was given, not its copy on the stage.
    const facts = { ...examined.facts, reference: arm.given.reference }
    const name = `bench/${slug}:latest`
    staged.push({ ...arm, staged: { ...examined, facts, image, name } })
    served.push({ name, reference, platform: image.config.platform })
  }
  const { host } = stack.use(await startOrigin({ images: served, registry }))
  const owned = stack.move()
  return { host, arms: staged, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
