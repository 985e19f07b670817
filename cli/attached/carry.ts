/** The profiles that are attached to the images that were rebuilt, attached to the new ones as well; a target that refuses them gets its image all the same. */
import { refusalOf } from '../../image/referrers/attach.ts'
import type { Image, ImageSource, ImageTarget } from '../../image/types.ts'
import { messageOf } from '../../system/errors.ts'
import type { CliContext } from '../context.ts'
import type { Rebuilt } from '../print/optimize-summary.ts'
import { counted, type Output } from '../print/output.ts'
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
}

/** What can't be carried on is a warning: a start can be recorded again. */
export async function carryProfiles(
  { source, target, rebuilt, image, attached, borrowed }: Carrying,
  context: CliContext,
  output: Output,
): Promise<void> {
  const signal = context.interrupts.abort
  let carried = 0
  const carry = async () => {
    for (const each of rebuilt) {
      const isProfiled = each.image.descriptor.digest === image.descriptor.digest
      const known = (isProfiled && attached) || {
        found: await tracesOf(source, each.image, signal),
        read: [],
      }
      const own = await readTraces(source, each.image, { ...known, names: [], signal })
      const read = newestOfEachName([...own, ...(isProfiled ? borrowed : [])])
      carried += await carryOn(read, each.summary.manifest, target, signal)
    }
  }
  const refused = await refusalOf(carry, signal)
  if (refused) output.warn(`the attached profiles were not carried on: ${messageOf(refused)}`)
  if (carried > 0) output.note(`${counted(carried, 'profile')} attached to the new image, too`)
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
