/** `headstart fleet work`: performs a fleet's jobs on this machine until it is stopped; then running ones end within their grace, or go back. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Fleet } from '../../fleet/config/fleet.ts'
import { followFleet } from '../../fleet/config/followed.ts'
import { JOB_KINDS, type JobKind } from '../../fleet/job.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { CliContext } from '../context.ts'
import { durationFlag } from '../flags/values.ts'
import { abilitiesOf, examineMachine } from '../machine-check.ts'
import { sweepFirst } from '../sweeping.ts'
import { addMachineFlags, type MachineFlags, performOf } from './machine.ts'
import { addQueueFlags, openQueue, type QueueFlags } from './queue.ts'
import { told } from './told.ts'

interface Flags extends MachineFlags, QueueFlags {
  readonly kinds: readonly JobKind[]
  readonly grace: number
  readonly takeover: number
}

export function registerWork(command: Command, context: CliContext): void {
  command
    .argument('[file]', 'what the fleet is; jobs that it does not ask for are refused', 'fleet.yaml')
    .addOption(
      new Option('--kinds <kinds>', 'of jobs: record needs root and FUSE, rebuild needs no privileges')
        .argParser(kindsFlag)
        .default(JOB_KINDS, JOB_KINDS.join(',')),
    )
    .addOption(
      new Option('--grace <duration>', 'how long running jobs may go on after SIGTERM or Ctrl-C')
        .argParser(durationFlag)
        .default(20_000, '20s'),
    )
    .addOption(
      new Option(
        '--takeover <duration>',
        'how long a worker may be silent before others take over its jobs; the same for all workers',
      )
        .argParser(durationFlag)
        .default(60_000, '1m'),
    )
    .action(async (file: string, flags: Flags) => {
      const output = context.output()
      const warn = (line: string) => output.warn(line)
      const fleet = await readAgainAndAgain(file, warn)
      await checkMachine(flags.kinds)
      await sweepFirst()
      await using queue = await openQueue(flags, {
        takeoverMs: flags.takeover,
        onNotice: warn,
      })
      const { abort } = context.interrupts
      output.note(`waiting for jobs: ${flags.kinds.join(' and ')}`)
      await queue.work({
        kinds: flags.kinds,
        slots: flags.jobs,
        perform: told(performOf(flags, fleet), output, true),
        signal: abort,
        graceMs: flags.grace,
        ...(flags.rate && { rate: flags.rate }),
      })
      output.note('stopped; what was not done is left to others')
    })
  addMachineFlags(addQueueFlags(command))
}

/** @returns reads the file before each job. @param warn told once of each thing that is wrong with it */
async function readAgainAndAgain(file: string, warn: (line: string) => void): Promise<() => Promise<Fleet>> {
  const followed = await followFleet(file)
  let said: string | undefined
  return async () => {
    const wrong = await followed.readAgain()
    if (wrong !== undefined && wrong !== said) warn(wrong)
    said = wrong
    return followed.now
  }
}

export function kindsFlag(text: string): JobKind[] {
  const kinds = text.split(',').map((each) => JOB_KINDS.find((kind) => kind === each.trim()))
  const known = kinds.filter((kind) => kind !== undefined)
  if (known.length < kinds.length)
    throw new InvalidArgumentError(`Expected ${JOB_KINDS.join(', or ')}, or both.`)
  return [...new Set(known)]
}

/** Better now than in each job. @throws HeadstartError E_NOT_READY */
async function checkMachine(kinds: readonly JobKind[]): Promise<void> {
  const abilities = abilitiesOf(await examineMachine())
  const needed = { record: 'recording', rebuild: 'rebuilding' } as const
  for (const kind of kinds) {
    const lacking = abilities.find(({ name, works }) => name === needed[kind] && !works)
    if (lacking)
      throw new HeadstartError(
        'E_NOT_READY',
        `this machine can't take ${kind} jobs: it lacks ${lacking.lacks.join(', ')}`,
        {
          hint:
            kind === 'record'
              ? 'headstart doctor says more; with --kinds rebuild it needs no privileges'
              : 'headstart doctor says more',
        },
      )
  }
}
