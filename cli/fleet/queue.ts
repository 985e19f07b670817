/** Where a fleet's jobs are kept, as the flags say: for every command of a fleet. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import type { Looking } from '../../fleet/look/look.ts'
import { openSqliteQueue } from '../../fleet/queue/sqlite.ts'
import type { Queue, QueueSettings } from '../../fleet/queue/types.ts'
import { exists } from '../../system/files/exists.ts'

export interface QueueFlags {
  readonly state?: string
}

export const addQueueFlags = (command: Command): Command =>
  command.addOption(
    new Option(
      '--state <file>',
      'where jobs and their results are kept on this machine (default: /var/lib/headstart/fleet.sqlite for root, else in $XDG_STATE_HOME)',
    ),
  )

/** @throws HeadstartError E_STATE */
export const openQueue = (
  { state = usualState() }: QueueFlags,
  settings?: Partial<QueueSettings>,
): Promise<Queue> => openSqliteQueue({ file: state, ...(settings && { settings }) })

/** What a queue knows that may not be there yet: nothing is made to look at it. @throws HeadstartError E_STATE */
export async function openKnown(flags: QueueFlags): Promise<Looking['queue'] & AsyncDisposable> {
  if (await exists(flags.state ?? usualState())) return openQueue(flags)
  const nothing = async () => undefined
  return { find: nothing, made: nothing, madeIn: nothing, [Symbol.asyncDispose]: nothing }
}

function usualState(): string {
  if (process.geteuid?.() === 0) return '/var/lib/headstart/fleet.sqlite'
  const home = process.env.XDG_STATE_HOME ?? join(homedir(), '.local/state')
  return join(home, 'headstart/fleet.sqlite')
}
