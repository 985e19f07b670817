/** The flags that say how this machine performs a fleet's jobs, for every command that does. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Command, Option } from 'commander'
import { type Machine, performer } from '../../fleet/perform/perform.ts'
import type { Perform } from '../../fleet/queue/types.ts'
import { collect, positiveFlag } from '../flags/values.ts'

export interface MachineFlags {
  readonly jobs: number
  readonly allow: readonly string[]
  readonly insecure: boolean
  readonly caFile?: string
}

export function addMachineFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('This machine:')
  return command
    .addOption(option('--jobs <count>', 'jobs at the same time').argParser(positiveFlag).default(1))
    .addOption(
      option(
        '--allow <what>',
        'what a workload may do to this machine: a flag of profile such as --volume or --network, or env:NAME, whose value it gets (repeatable)',
      )
        .argParser(collect)
        .default([], 'nothing'),
    )
    .addOption(option('--insecure', 'allow plain HTTP and untrusted certificates').default(false))
    .addOption(option('--ca-file <file>', "PEM file of the registries' certificate authority"))
}

/** The package's own entry: where it lies differs between a checkout and the compiled package. */
const entry = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('headstart/package.json')), 'cli/headstart.js')

export const machineOf = ({ allow, insecure, caFile }: MachineFlags): Machine => ({
  program: [process.execPath, entry()],
  access: [...(insecure ? ['--insecure'] : []), ...(caFile === undefined ? [] : [`--ca-file=${caFile}`])],
  allowed: new Set(allow),
})

export const performOf = (flags: MachineFlags): Perform => performer(machineOf(flags))
