/** `headstart fleet`: many images kept optimized, by what `fleet.yaml` says of them. */
import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { registerCheck } from '../fleet/check.ts'
import { registerRun } from '../fleet/run.ts'

export function register(command: Command, context: CliContext): void {
  registerCheck(
    command.command('check').description('Show what would be done for each image, and why'),
    context,
  )
  registerRun(command.command('run').description('Bring every image up to date once, and end'), context)
}
