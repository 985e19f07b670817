/** What is said of a fleet's images and jobs. Pure. */
import type { Job } from '../../fleet/job.ts'
import type { Step } from '../../fleet/plan.ts'
import type { JobResult } from '../../fleet/queue/types.ts'
import type { Surveyed } from '../../fleet/survey.ts'
import { bytes, counted, duration, percent } from '../print/output.ts'

const WORDS: Readonly<Record<Step['is'], string>> = {
  current: 'nothing',
  adopt: 'nothing',
  rebuild: 'rebuild',
  record: 'record, then rebuild',
  waiting: 'under way',
  failed: 'failed',
  skipped: 'skipped',
}

export const stepText = ({ is }: Step): string => WORDS[is]

/** `6 images: 4 up to date, 1 to rebuild, 1 to record` */
export function countedSteps(images: readonly Surveyed[]): string {
  const count = (...which: readonly Step['is'][]) =>
    images.filter(({ step }) => which.includes(step.is)).length
  const parts = [
    [count('current', 'adopt'), 'up to date'],
    [count('rebuild'), 'to rebuild'],
    [count('record'), 'to record'],
    [count('waiting'), 'under way'],
    [count('failed'), 'failed'],
    [count('skipped'), 'skipped'],
  ] as const
  const said = parts.flatMap(([number, what]) => (number === 0 ? [] : `${number} ${what}`))
  return `${counted(images.length, 'image')}${said.length === 0 ? '' : `: ${said.join(', ')}`}`
}

export const idleText = (file: string, lines: readonly number[]): string[] =>
  lines.map((line) => `${file}, line ${line}: there is no such image, or an entry above has it`)

/** Of tags that are named and aren't there: misspelled perhaps. */
export const missingText = (images: readonly Surveyed[]): string[] =>
  images.flatMap(({ image, step }) =>
    step.is === 'skipped' && step.isMissing ? `${image} was skipped: ${step.why}` : [],
  )

/** A line when a job is done. */
export function doneLine({ kind, work }: Job, result: JobResult): string {
  const took = duration(result.tookMs)
  if (kind === 'record')
    return `${work.source}: recorded ${result.profiles.map(({ name }) => name).join(', ')} in ${took}`
  const { bytes: sizes, start, coverage } = result
  const parts = [
    ...(sizes ? [`${bytes(sizes.before)} → ${bytes(sizes.after)}`] : []),
    ...(start
      ? [
          `a start fetches ${bytes(start.bytes)}, ${duration(start.ms)} by the model, ${duration(start.fullMs)} if pulled whole`,
        ]
      : []),
    ...(coverage === undefined ? [] : [`the profile covers ${percent(coverage)}`]),
  ]
  return `${work.target}: rebuilt in ${took}${parts.length === 0 ? '' : `: ${parts.join('; ')}`}`
}
