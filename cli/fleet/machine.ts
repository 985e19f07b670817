/** The flags that say how this machine performs a fleet's jobs, for every command that does. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Machine, performer } from '../../fleet/perform/perform.ts'
import type { Perform, WorkOptions } from '../../fleet/queue/types.ts'
import { durationIn } from '../../system/text/amounts.ts'
import { collect, positiveFlag } from '../flags/values.ts'
import { type AccessFlags, addAccessFlags } from './looking.ts'

export interface MachineFlags extends AccessFlags {
  readonly jobs: number
  readonly rate?: Rate
  readonly allow: readonly string[]
}

type Rate = NonNullable<WorkOptions['rate']>

export function addMachineFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('This machine:')
  command
    .addOption(option('--jobs <count>', 'jobs at the same time').argParser(positiveFlag).default(1))
    .addOption(
      option(
        '--rate <jobs/time>',
        'begin at most so many jobs against one registry, e.g. 30/10m (default: no limit)',
      ).argParser(rateFlag),
    )
    .addOption(
      option(
        '--allow <what>',
        'what a workload may do to this machine: a flag of profile such as --volume or --network, or env:NAME, whose value it gets (repeatable)',
      )
        .argParser(collect)
        .default([], 'nothing'),
    )
  return addAccessFlags(command)
}

/** `30/10m`; without a number of its own, `30/m` is a minute. */
export function rateFlag(text: string): Rate {
  const [, jobs = '', time = ''] = /^(\d{1,9})\/(.+)$/.exec(text) ?? []
  const perMs = durationIn(/^\d/.test(time) ? time : `1${time}`)
  if (Number(jobs) > 0 && perMs !== undefined && perMs > 0) return { jobs: Number(jobs), perMs }
  throw new InvalidArgumentError('Expected something like 30/10m or 2/s.')
}

/** The package's own entry: where it lies differs between a checkout and the compiled package. */
const entry = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('headstart/package.json')), 'cli/headstart.js')

/** @param fleet what `fleet.yaml` says by now */
export const performOf = ({ allow, insecure, caFile }: MachineFlags, fleet: Machine['fleet']): Perform =>
  performer({
    program: [process.execPath, entry()],
    access: [...(insecure ? ['--insecure'] : []), ...(caFile === undefined ? [] : [`--ca-file=${caFile}`])],
    fleet,
    allowed: new Set(allow),
  })
