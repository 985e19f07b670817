/** How an image is started, as flags of `headstart profile`. Pure. */
import { DEFAULT_NAME } from '../../tracer/trace/name.ts'
import type { Workload } from '../job.ts'
import type { Settings } from './schema.ts'

type Start = Pick<Settings, 'ready' | 'command' | 'env' | 'flags'>

/** Each workload has what it doesn't say itself from its entry; without any, the entry is the one. */
export function workloadsOf({ workloads, ...entry }: Start & Pick<Settings, 'workloads'>): Workload[] {
  if (!workloads) return [workloadOf(DEFAULT_NAME, entry)]
  return workloads.map(({ name, ...own }) => workloadOf(name, { ...entry, ...own }))
}

const workloadOf = (name: string, { ready = {}, command = [], env = [], flags = [] }: Start): Workload => ({
  name,
  command,
  flags: [
    ...Object.entries(ready).flatMap(([way, value]) => (value === undefined ? [] : readyFlag(way, value))),
    ...env.map((variable) => `--env=${variable}`),
    ...flags,
  ],
})

const ALONE = new Set(['period', 'timeout', 'grace'])

const readyFlag = (way: string, value: string | number | true): string =>
  `--${ALONE.has(way) ? '' : 'ready-'}${way}${value === true ? '' : `=${value}`}`
