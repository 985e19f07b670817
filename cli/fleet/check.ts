/** `headstart fleet check`: what would be done for each image, and why. Nothing is changed. */
import type { Command } from 'commander'
import { readFleet } from '../../fleet/config/fleet.ts'
import { type Surveyed, survey } from '../../fleet/survey.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { CliContext } from '../context.ts'
import { jsonOption } from '../flags/values.ts'
import { counted, table } from '../print/output.ts'
import { type AccessFlags, addAccessFlags, lookingWith } from './looking.ts'
import { addQueueFlags, openKnown, type QueueFlags } from './queue.ts'
import { countedSteps, idleText, stepText } from './words.ts'

interface Flags extends AccessFlags, QueueFlags {
  readonly json: boolean
}

export function registerCheck(command: Command, context: CliContext): void {
  command
    .argument('[file]', 'what the fleet is', 'fleet.yaml')
    .addOption(jsonOption())
    .action(async (file: string, flags: Flags) => {
      const output = context.output(flags.json)
      const fleet = await readFleet(file)
      await using queue = await openKnown(flags, { onNotice: (line) => output.warn(line) })
      await using looking = lookingWith(flags, queue, context.interrupts.abort)
      output.live(() => 'listing repositories and tags')
      const { images, faults, idleLines } = await survey(fleet, looking, async () => {
        output.live(() => 'looking at images')
      })
      output.done()
      if (flags.json) output.result(images.map((each) => JSON.stringify(jsonOf(each))))
      else output.result([...linesOf(images), countedSteps(images)])
      for (const line of [...idleText(file, idleLines), ...faults]) output.warn(line)
      if (faults.length > 0)
        throw new HeadstartError('E_FLEET', `${counted(faults.length, 'thing')} could not be looked at`)
    })
  addAccessFlags(addQueueFlags(command))
}

const linesOf = (images: readonly Surveyed[]): string[] =>
  table(
    ['image', 'to do', 'why'],
    images.map(({ image, step }) => [image, stepText(step), step.why]),
    [0, 1, 2],
  )

const jsonOf = ({ image, step }: Surveyed) => ({ image, step: step.is, why: step.why })
