/** `headstart fleet run`: brings every image up to date once, and ends. What it was at when it was interrupted, the next run goes on with. */
import type { Command } from 'commander'
import { readFleet } from '../../fleet/config/fleet.ts'
import { type Job, jobId } from '../../fleet/job.ts'
import type { Perform, Queue } from '../../fleet/queue/types.ts'
import { apply, type Surveyed, survey } from '../../fleet/survey.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { CliContext } from '../context.ts'
import { counted, type Output } from '../print/output.ts'
import { sweepFirst } from '../sweeping.ts'
import { lookingWith } from './looking.ts'
import { addMachineFlags, type MachineFlags, performOf } from './machine.ts'
import {
  addQueueFlags,
  addRetryFlags,
  openQueue,
  type QueueFlags,
  type RetryFlags,
  settingsOf,
} from './queue.ts'
import { told } from './told.ts'
import { countedSteps, idleText, missingText } from './words.ts'

interface Flags extends MachineFlags, QueueFlags, RetryFlags {
  readonly again: boolean
}

/** A person waits for it: what fails is tried again soon, and left to the next run if that doesn't help. */
const SETTINGS = { attempts: 3, backoffMs: 5000 }

export function registerRun(command: Command, context: CliContext): void {
  command
    .argument('[file]', 'what the fleet is', 'fleet.yaml')
    .option('--again', 'try what failed before again, whatever has changed', false)
    .action(async (file: string, flags: Flags) => {
      const output = context.output()
      const fleet = await readFleet(file)
      await sweepFirst()
      await using queue = await openQueue(flags, {
        settings: settingsOf(flags),
        onNotice: (line) => output.warn(line),
      })
      const { abort } = context.interrupts
      await using looking = lookingWith(flags, queue, abort)
      const failed = new Map<string, string>()
      const perform = told(
        performOf(flags, async () => fleet),
        output,
      )
      await using worker = workOn(queue, flags, { abort, perform })
      output.live(() => 'listing repositories and tags')
      const { images, faults, idleLines } = await survey(fleet, looking, async ({ image, step }) => {
        const isAdded = await apply(step, queue, { again: flags.again })
        if (step.is === 'failed' && !isAdded)
          failed.set(image, `${step.why}; it is tried again a day later, or with --again`)
        output.live(() => `looking at ${image}`)
      })
      output.note(countedSteps(images))
      for (const line of [...idleText(file, idleLines), ...missingText(images)]) output.warn(line)
      await queue.idle(worker.signal)
      await worker.end()
      output.done()
      for (const { image, why } of await failures(queue, images))
        if (!failed.has(image)) failed.set(image, why)
      report({ failed, faults }, output)
    })
  addMachineFlags(addRetryFlags(addQueueFlags(command), SETTINGS))
}

interface Work {
  readonly abort: AbortSignal
  readonly perform: Perform
}

interface Worker extends AsyncDisposable {
  /** aborts when the command is interrupted, or taking jobs has failed */
  readonly signal: AbortSignal
  /** @throws why it could not go on */
  end(): Promise<void>
}

/** Takes jobs in the background while images are looked at. */
function workOn(queue: Queue, flags: MachineFlags, { abort, perform }: Work): Worker {
  const stop = new AbortController()
  const broken = new AbortController()
  const ended = queue
    .work({
      kinds: ['record', 'rebuild'],
      slots: flags.jobs,
      perform,
      signal: AbortSignal.any([abort, stop.signal]),
      ...(flags.rate && { rate: flags.rate }),
    })
    .catch((error: unknown) => broken.abort(error))
  const end = async () => {
    stop.abort()
    await ended
  }
  return {
    signal: AbortSignal.any([abort, broken.signal]),
    async end() {
      await end()
      broken.signal.throwIfAborted()
    },
    [Symbol.asyncDispose]: end,
  }
}

/** Jobs of this run that failed for good, whichever process was at them. */
async function failures(
  queue: Queue,
  images: readonly Surveyed[],
): Promise<{ image: string; why: string }[]> {
  const found = await Promise.all(
    images.map(async ({ image, step }) => {
      if (!('job' in step)) return []
      const both = await Promise.all(bothOf(step.job).map((id) => queue.find(id)))
      const lost = both.find((each) => each?.state === 'failed')
      return lost ? [{ image, why: lost.error ?? 'it failed' }] : []
    }),
  )
  return found.flat()
}

/** A rebuild may have asked for a record, and a record for its rebuild. */
const bothOf = ({ work }: Job): string[] => [
  jobId({ kind: 'record', work }),
  jobId({ kind: 'rebuild', work }),
]

function report(
  { failed, faults }: { readonly failed: ReadonlyMap<string, string>; readonly faults: readonly string[] },
  output: Output,
): void {
  for (const [image, why] of [...failed].toSorted())
    output.result(`${image}: ${why}`, { text: 'failed: ', colour: 'red' })
  for (const fault of faults) output.warn(fault)
  if (failed.size + faults.length === 0) return
  const parts = [
    ...(failed.size > 0 ? [`${counted(failed.size, 'image')} could not be brought up to date`] : []),
    ...(faults.length > 0 ? [`${counted(faults.length, 'thing')} could not be looked at`] : []),
  ]
  throw new HeadstartError('E_FLEET', parts.join(', and '))
}
