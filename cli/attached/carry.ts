/** The profiles that are attached to the images that were rebuilt, attached to the new ones as well; a target that refuses them gets its image all the same. */
import { attach, refusalOf } from '../../image/referrers/attach.ts'
import type { Image, ImageSource, ImageTarget } from '../../image/types.ts'
import type { HeadstartError } from '../../system/errors.ts'
import { traceArtifact } from '../../tracer/trace/artifact.ts'
import type { Trace } from '../../tracer/trace/file.ts'
import type { Rebuilt } from '../print/optimize-summary.ts'
import { counted, type Output } from '../print/output.ts'
import { pushedLine } from './commands.ts'
import { type Attached, carryOn, type ReadTrace, readTraces, tracesOf } from './traces.ts'

export interface Carrying {
  readonly source: ImageSource
  readonly target: ImageTarget
  readonly rebuilt: readonly Rebuilt[]
  readonly image: Image
  /** to `image`; undefined: it isn't known yet */
  readonly attached: Attached | undefined
  /** used for `image`, though attached to another */
  readonly borrowed: readonly ReadTrace[]
  /** of `image`, whose profile of this name is another one now */
  readonly except: string | undefined
}

/** @returns why the target refused them, or they can't be read. @throws HeadstartError E_REGISTRY_UNREACHABLE */
export async function carryProfiles(
  { source, target, rebuilt, image, attached, borrowed, except }: Carrying,
  signal: AbortSignal,
  output: Output,
): Promise<HeadstartError | undefined> {
  let carried = 0
  const carry = async () => {
    for (const each of rebuilt) {
      const isProfiled = each.image.descriptor.digest === image.descriptor.digest
      const known = (isProfiled && attached) || {
        found: await tracesOf(source, each.image, signal),
        read: [],
      }
      const own = await readTraces(source, each.image, { ...known, names: [], signal })
      const newest = newestOfEachName([...own, ...(isProfiled ? borrowed : [])])
      const read = newest.filter(({ attached: { name } }) => !(isProfiled && name === except))
      carried += await carryOn(read, each.summary.manifest, target, signal)
    }
  }
  const refused = await refusalOf(carry, signal)
  if (carried > 0) output.note(`${counted(carried, 'profile')} attached to the new image, too`)
  return refused
}

/** The one of `image`, which was given or has just been recorded, and is attached to nothing yet. @throws HeadstartError as `attach` */
export async function pushTrace(
  { target, rebuilt, image }: Pick<Carrying, 'target' | 'rebuilt' | 'image'>,
  { trace, name }: { readonly trace: Trace; readonly name: string },
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  const made = rebuilt.find((each) => each.image.descriptor.digest === image.descriptor.digest)
  if (!made) return
  const artifact = traceArtifact(trace, made.summary.manifest, name)
  await attach(target, artifact, signal)
  output.note(pushedLine(name, artifact.referrer.digest, artifact.subject))
}

/** Nothing would ever use the others; an undated one is the oldest. */
function newestOfEachName(read: readonly ReadTrace[]): ReadTrace[] {
  const newest = new Map<string, ReadTrace>()
  const age = ({ attached: { created } }: ReadTrace): number => created?.getTime() ?? 0
  for (const each of read) {
    const before = newest.get(each.attached.name)
    if (before === undefined || age(each) > age(before)) newest.set(each.attached.name, each)
  }
  return [...newest.values()]
}
