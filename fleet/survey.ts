/** Goes through the images of a fleet: what is to be done for each, and having it done. A fault of one image or registry keeps no other waiting. */
import { HeadstartError, messageOf } from '../system/errors.ts'
import { mapLimit } from '../system/map-limit.ts'
import type { Fleet } from './config/fleet.ts'
import { nameOf, targetOf } from './config/names.ts'
import { type Discovered, discover } from './look/discover.ts'
import { type Looking, lookAt } from './look/look.ts'
import { planFor, type Step } from './plan.ts'
import type { Queue } from './queue/types.ts'

/** Of jobs that nobody has just asked for. */
export const SURVEY_PRIORITY = 100

/** Images looked at at the same time. */
const AT_ONCE = 8

export interface Surveyed {
  /** `registry/repository:tag` */
  readonly image: string
  readonly step: Step
}

export interface Survey {
  /** by name */
  readonly images: readonly Surveyed[]
  /** what could not be looked at, a line each */
  readonly faults: readonly string[]
  /** each image whose target another one has, and that one */
  readonly clashes: ReadonlyMap<string, string>
  /** lines of `fleet.yaml`: of entries that no image belongs to */
  readonly idleLines: readonly number[]
}

/**
 * @param onImage called for each, one after the other by name, as soon as it is known what is to be done
 * @throws the signal's reason, and what `onImage` and the queue throw
 */
export async function survey(
  fleet: Fleet,
  looking: Looking,
  onImage: (surveyed: Surveyed) => Promise<void>,
): Promise<Survey> {
  const { signal, registries } = looking
  const { images, faults, idle } = await discover(fleet, registries, signal)
  const clashes = clashesIn(images)
  const missed: string[] = []
  const turns = images.map(() => Promise.withResolvers<void>())
  const surveyed = await mapLimit(images, AT_ONCE, signal, async (discovered, index, either) => {
    const image = nameOf(discovered.image)
    try {
      const step = await stepFor(discovered, looking, { clash: clashes.get(image) }).catch(
        (error: unknown) => {
          if (either.aborted || !isOfImage(error)) throw error
          missed.push(`${image}: ${messageOf(error)}`)
        },
      )
      // By name, however fast each was looked at: so the same fleet is done in the same order.
      await turns[index - 1]?.promise
      either.throwIfAborted()
      if (step) await onImage({ image, step })
      return step ? [{ image, step }] : []
    } finally {
      turns[index]?.resolve()
    }
  })
  return {
    images: surveyed.flat(),
    faults: [...faults, ...missed.toSorted()],
    clashes,
    idleLines: idle.map(({ line }) => line),
  }
}

/** A fault that other images needn't have. */
const isOfImage = (error: unknown): error is HeadstartError =>
  error instanceof HeadstartError && error.code !== 'E_STATE' && error.code !== 'E_QUEUE'

interface Asked {
  /** another image that has the same target */
  readonly clash?: string | undefined
  readonly priority?: number
}

/** For one image. @throws HeadstartError what its registry and the queue throw */
export async function stepFor(
  discovered: Discovered,
  looking: Looking,
  { clash, priority = SURVEY_PRIORITY }: Asked = {},
): Promise<Step> {
  const facts = await lookAt(discovered, clash, looking)
  return facts ? planFor(facts, priority) : { is: 'skipped', why: 'there is no such tag', isMissing: true }
}

/** Each image whose target an earlier one has, and that one. */
function clashesIn(images: readonly Discovered[]): ReadonlyMap<string, string> {
  const first = new Map<string, string>()
  const clashes = new Map<string, string>()
  for (const { image, entry } of images) {
    const [name, target] = [nameOf(image), nameOf(targetOf(entry.target, image))]
    const owner = first.get(target)
    if (owner === undefined) first.set(target, name)
    else clashes.set(name, owner)
  }
  return clashes
}

/**
 * Has done what is to be done.
 * @param again also what failed lately
 * @returns whether a job was added
 */
export async function apply(
  step: Step,
  queue: Queue,
  { again = false }: { readonly again?: boolean } = {},
): Promise<boolean> {
  if (step.is === 'adopt') await queue.adopt(step.work, step.digest)
  if (step.is !== 'rebuild' && step.is !== 'record' && step.is !== 'failed') return false
  return (await queue.add([step.job], { again })) > 0
}
