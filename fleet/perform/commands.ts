/** A job as the commands that a person would type for it. Pure. */
import type { Job, Work, Workload } from '../job.ts'

/** The image by tag and digest: the tag says what is replaced in place, the digest what is meant. */
export const exactSource = ({ source, digest }: Pick<Work, 'source' | 'digest'>): string =>
  `docker://${source}@${digest}`

/** @param trace where the trace is written on its way to the registry */
export const recordCommand = (work: Work, { name, flags, command }: Workload, trace: string): string[] => [
  'profile',
  exactSource(work),
  ...flags,
  '--push',
  `--name=${name}`,
  `--output=${trace}`,
  ...(command.length > 0 ? ['--', ...command] : []),
]

/** Only profiles of the workloads that the configuration names count, the image's own before those of an earlier build. */
export const rebuildCommand = ({ work, profileFrom }: Pick<Job, 'work' | 'profileFrom'>): string[] => [
  'optimize',
  exactSource(work),
  `docker://${work.target}`,
  '--force',
  '--if-current',
  '--json',
  ...[exactSource(work), ...(profileFrom === undefined ? [] : [`docker://${profileFrom}`])].map(
    (image) => `--profile-from=${image}`,
  ),
  ...work.workloads.map(({ name }) => `--profile-name=${name}`),
  `--min-coverage=${work.minCoverage}`,
  ...(work.budget.growth === undefined ? [] : [`--max-growth=${work.budget.growth}`]),
  ...(work.budget.prefetchBytes === undefined ? [] : [`--max-prefetch=${work.budget.prefetchBytes}`]),
  ...work.optimizeFlags,
]

/** For people, who repeat by hand what was done: one line each. */
export const commandLines = (job: Job): string[] =>
  (job.kind === 'rebuild'
    ? [rebuildCommand(job)]
    : job.work.workloads.map((workload) => recordCommand(job.work, workload, 'trace.json'))
  ).map((args) => ['headstart', ...args].map(quoted).join(' '))

/** As a shell reads it. */
const quoted = (word: string): string =>
  /^[\w./:@=%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
