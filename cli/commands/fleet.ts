/** `headstart fleet`: many images kept optimized, by what `fleet.yaml` says of them. */
import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { registerCheck } from '../fleet/check.ts'
import { registerRun } from '../fleet/run.ts'
import { registerServe } from '../fleet/serve.ts'
import { registerWork } from '../fleet/work.ts'

export function register(command: Command, context: CliContext): void {
  registerCheck(
    command.command('check').description('Show what would be done for each image, and why'),
    context,
  )
  registerRun(command.command('run').description('Bring every image up to date once, and end'), context)
  registerServe(
    command
      .command('serve')
      .description('Follow the registries by their notifications, and show the fleet on a page'),
    context,
  )
  registerWork(
    command.command('work').description('Perform the jobs of a fleet on this machine, until it is stopped'),
    context,
  )
}
