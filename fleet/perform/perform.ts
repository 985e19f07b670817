/**
 * Performs jobs, each by the commands that a person would type for it: a record attaches a profile for each workload to the image, a rebuild makes
 * the target with what is attached. The credentials are this machine's own; a job has none.
 */
import { join } from 'node:path'
import { HeadstartError } from '../../system/errors.ts'
import { createWorkspace } from '../../system/workspace.ts'
import type { Fleet } from '../config/fleet.ts'
import type { Job } from '../job.ts'
import { REFUSED } from '../queue/told.ts'
import type { Outcome, Perform } from '../queue/types.ts'
import { faultOfOrigin } from './asked.ts'
import { type ChildOptions, type Ended, runHeadstart } from './child.ts'
import { rebuildCommand, recordCommand } from './commands.ts'
import { type Failure, failureOf } from './failures.ts'
import { type Allowed, passedOn, refusalOf } from './flags.ts'
import { resultFrom } from './optimized.ts'

/** How this machine performs jobs. */
export interface Machine {
  /** program and first arguments that are `headstart` here */
  readonly program: ChildOptions['program']
  /** flags for reaching registries: `--insecure`, `--ca-file=FILE` */
  readonly access: readonly string[]
  /** this machine's own `fleet.yaml`, as it is now: a job that it doesn't ask for is refused, no matter who added it */
  readonly fleet: () => Promise<Fleet>
  /** what jobs may do to it besides: see `flags.ts` */
  readonly allowed: Allowed
  /** ms, from any moment on */
  readonly now?: () => number
}

/** Its promise rejects with failures that another attempt may mend, and with the signal's reason. */
export function performer(machine: Machine): Perform {
  const { now = () => performance.now() } = machine
  return async (job, { signal, log }) => {
    const fault = faultOfOrigin(job, await machine.fleet())
    if (fault !== undefined) return { failed: `${REFUSED}${fault}` }
    const refusal = refusalOf(job.work, machine.allowed)
    if (refusal !== undefined) return { failed: refusal }
    const secrets = passedOn(job.work).flatMap((name) => process.env[name] ?? [])
    const run = (args: readonly string[]) =>
      runHeadstart(withAccess(args, machine.access), { program: machine.program, signal, log, secrets })
    const started = now()
    return job.kind === 'record'
      ? record(job, run, () => now() - started)
      : rebuild(job, run, () => now() - started)
  }
}

type Run = (args: readonly string[]) => Promise<Ended>

/** Before the container's command, if there is one. */
const withAccess = ([name = '', ...rest]: readonly string[], access: readonly string[]): string[] => [
  name,
  ...access,
  ...rest,
]

/** One workload after the other: two at once would disturb each other. */
async function record({ work, priority }: Job, run: Run, tookMs: () => number): Promise<Outcome> {
  await using workspace = await createWorkspace()
  const profiles = []
  for (const [place, workload] of work.workloads.entries()) {
    const recordedAt = new Date().toISOString()
    const ended = await run(recordCommand(work, workload, join(workspace.folder, `trace-${place}.json`)))
    if (ended.status !== 0) return endOf(failureOf(ended))
    profiles.push({ name: workload.name, recordedAt })
  }
  return {
    done: { profiles, tookMs: tookMs() },
    next: [{ kind: 'rebuild', work, priority: sooner(priority) }],
  }
}

/** What is recorded is rebuilt before others are recorded: an image that is done is worth more than two that are half done. */
const sooner = (priority: number): number => Math.max(0, priority - 1)

async function rebuild(job: Job, run: Run, tookMs: () => number): Promise<Outcome> {
  const ended = await run(rebuildCommand(job))
  if (ended.status === 0) return { done: resultFrom(ended.lines, tookMs()) }
  const failure = failureOf(ended)
  if (failure.is !== 'unprofiled') return endOf(failure)
  return { instead: [{ kind: 'record', work: job.work, priority: job.priority }] }
}

/** @throws HeadstartError E_COMMAND: it may go better next time */
function endOf({ is, why }: Failure): Outcome {
  if (is === 'passing') throw new HeadstartError('E_COMMAND', why)
  // The newer build is found by its own notification, or when the tag is looked at next.
  return is === 'superseded' ? { instead: [] } : { failed: why }
}
