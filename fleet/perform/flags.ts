/**
 * Which flags a job may have. A job comes from a file in some repository, or out of a Redis that others write to: what reaches into the machine
 * that performs it, a folder of the host or a variable of its environment, needs that machine's own word. Pure.
 */
import { isSecretName } from '../../system/text/secrets.ts'
import type { Work } from '../job.ts'

/** Of `headstart profile`: they change nothing outside of the container. All are written `--flag=value`, or `--flag` where there is none. */
const PROFILE = new Set([
  '--ready-log',
  '--ready-http',
  '--ready-status',
  '--ready-body',
  '--ready-tcp',
  '--ready-exec',
  '--ready-health',
  '--ready-exit',
  '--period',
  '--timeout',
  '--grace',
  '--runs',
  '--env',
  '--user',
  '--workdir',
  '--entrypoint',
  '--tmpfs',
  '--add-host',
  '--shm-size',
  '--memory',
  '--platform',
  '--fuse',
  '--engine',
])

/** Of `headstart profile` as well: they reach the machine, its network or its files. */
const REACHING = new Set([
  '--volume',
  '--mount',
  '--network',
  '--publish',
  '--dns',
  '--gpus',
  '--cap-add',
  '--privileged',
])

/** Of `headstart optimize`. */
const OPTIMIZE = new Set([
  '--all-platforms',
  '--platform',
  '--split',
  '--prioritize',
  '--bandwidth',
  '--latency',
  '--read-size',
  '--max-zone',
  '--include',
  '--exclude',
  '--format',
  '--chunk-size',
  '--min-chunk-size',
  '--compression-level',
  '--only-layers',
  '--min-runs',
  '--provenance',
])

/** What the machine allows besides: `--volume`, `env:NAME`. */
export type Allowed = ReadonlySet<string>

export const isReaching = (flag: string): boolean => REACHING.has(flag)

const nameOf = (flag: string): string => flag.split('=')[0] ?? ''

/** @returns what must be allowed for a flag of `headstart profile`; undefined: nothing. An unknown flag can't be allowed. */
export function neededFor(flag: string): string | undefined {
  const name = nameOf(flag)
  if (name !== '--env') return PROFILE.has(name) ? undefined : name
  const variable = /^--env=([^=]+)$/.exec(flag)?.[1]
  return variable === undefined ? undefined : `env:${variable}`
}

/** @returns what is wrong with it, as the end of a sentence; undefined: nothing that can be told before the command reads its value */
export function faultOfProfileFlag(flag: string): string | undefined {
  const name = nameOf(flag)
  if (!PROFILE.has(name) && !REACHING.has(name)) return `${name} is not a flag that a workload can have`
  const variable = /^--env=([^=]*)(=.*)?$/s.exec(flag)
  if (name === '--env' && !variable?.[1]) return '--env needs NAME or NAME=VALUE'
  if (variable?.[2] !== undefined && isSecretName(variable[1] ?? ''))
    return `${variable[1]} looks like a secret: give its name alone, and its value to the environment of what records`
  return undefined
}

export const faultOfOptimizeFlag = (flag: string): string | undefined =>
  OPTIMIZE.has(nameOf(flag)) ? undefined : `${nameOf(flag)} is not a flag that an image can have`

/** @returns why a machine doesn't take this job, in one line; undefined: it does */
export function refusalOf({ workloads, optimizeFlags }: Work, allowed: Allowed): string | undefined {
  for (const flag of workloads.flatMap(({ flags }) => flags)) {
    const fault = faultOfProfileFlag(flag)
    if (fault !== undefined) return fault
    const needed = neededFor(flag)
    if (needed !== undefined && !allowed.has(needed))
      return `${nameOf(flag)} reaches into the machine that records: start it with --allow ${needed} if that is meant`
  }
  return optimizeFlags.map(faultOfOptimizeFlag).find((fault) => fault !== undefined)
}

/** Names of variables whose values come from the environment of this machine. */
export const passedOn = ({ workloads }: Work): string[] =>
  workloads.flatMap(({ flags }) => flags.flatMap((flag) => /^--env=([^=]+)$/.exec(flag)?.[1] ?? []))
