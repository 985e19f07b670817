/** What to do after the verdict: a few steps, with what to type. Pure. */
import type { Bench } from '../../bench/file.ts'
import type { Verdict } from '../../bench/verdict.ts'
import type { Material } from './model.ts'

export interface Step {
  /** a sentence */
  readonly text: string
  /** what to type; without secrets */
  readonly command?: string
  /** the id of a section that says more */
  readonly section?: string
}

/** Where a reader's own name for the optimized image goes. */
const TARGET = 'TARGET'

/** At most three: what follows from the verdict, from the audit, and from what was not done yet. */
export function nextSteps(material: Material, verdict: Verdict): Step[] {
  const { bench } = material
  const names = namesOf(material)
  if (!bench) return afterTrace(names)
  switch (verdict.decision) {
    case 'unmeasured':
      return [
        {
          text: 'Measure the full pull and the optimized image: the verdict compares the two.',
          command: withFlag(bench.command, 'arms', 'legacy,optimized'),
        },
      ]
    case 'unclear':
      return [moreSamples(bench, verdict)]
    case 'convert':
      return [ship(names), ...correct(bench, names), keep(bench, names)]
    case 'plain':
      return [
        {
          text: 'Rebuild the image without a zone, and ship that one: lazy pulling alone is what pays off.',
          command: `headstart optimize ${quote(names.original)} ${quote(names.optimized)} --trace ${quote(names.trace)} --exclude '**' --force`,
        },
        ...correct(bench, names),
      ]
    case 'marginal':
    case 'dont':
      return [
        { text: 'Over such a link, leave the image as it is.' },
        {
          text: 'With a slower link, or more machines pulling at once, the result may differ: look at the prediction, then measure it.',
          section: 'what-if',
          command: withFlag(bench.command, 'link', 'edge'),
        },
        ...correct(bench, names),
      ]
  }
}

interface Names {
  readonly original: string
  readonly optimized: string
  /** files, as they were given to `headstart report` */
  readonly trace: string
  readonly bench: string
  /** of the commands that rebuild it: the flag that it was made with */
  readonly split: '' | ' --split'
}

/** What was put ahead is known of the files, not how it was asked for. */
const isSplit = (bench: Bench | undefined): boolean =>
  bench?.images.optimized?.files?.some(([, , , , zone]) => zone === 2) ?? false

const namesOf = ({ trace, bench, files }: Material): Names => ({
  trace: files?.trace ?? 'trace.json',
  bench: files?.bench ?? 'bench.json',
  original: bench?.images.original?.reference ?? trace?.image.reference ?? 'IMAGE',
  optimized: bench?.images.optimized?.reference ?? TARGET,
  split: isSplit(bench) ? ' --split' : '',
})

const afterTrace = ({ original, trace }: Names): Step[] => [
  {
    text: `Rebuild the image with the files of this start first. ${TARGET} is the target.`,
    command: `headstart optimize ${quote(original)} ${TARGET} --trace ${quote(trace)}`,
  },
  {
    text: 'Measure the gain, with the same --ready-… check as the recording, and make a report from both files.',
    command: `headstart bench ${quote(original)} ${TARGET}`,
  },
]

const ship = ({ original, optimized, trace, split }: Names): Step => ({
  text: 'Ship the optimized image, and rebuild it with each build. The same trace can be used as long as the image still has most of its files.',
  command: `headstart optimize ${quote(original)} ${quote(optimized)} --trace ${quote(trace)}${split} --min-coverage 90% --force`,
})

const keep = ({ command }: Bench, { bench }: Names): Step => ({
  text: 'Keep the gain: compare later builds with this measurement, and fail if they start more slowly.',
  command: withFlag(withFlag(command, 'output', 'new.json', 'o'), 'baseline', quote(bench)),
})

/** What an audit found can be corrected; that it found nothing needs no step. */
function correct({ audit }: Bench, { original, optimized, trace, bench, split }: Names): Step[] {
  if (!audit || audit.unused.length + audit.onDemand.length === 0) return []
  return [
    {
      text: 'Correct the zone with the findings of the audit, and measure again.',
      section: 'audit',
      command: `headstart optimize ${quote(original)} ${quote(optimized)} --trace ${quote(trace)}${split} --refine ${quote(bench)} --force`,
    },
  ]
}

const moreSamples = ({ command }: Bench, { more }: Verdict): Step =>
  more
    ? {
        text: `Take ${more.samples} samples of each arm. Until then, nothing can be said.`,
        command: withFlag(withoutQuick(command), 'samples', String(more.samples), 'n'),
      }
    : {
        text: 'Measure on a quieter machine, or over the link that your machines have. As it is, the two can hardly be told apart.',
        section: 'what-if',
        command: withFlag(command, 'link', 'edge'),
      }

/** It means two samples, and is refused together with `--samples`. */
const withoutQuick = (command: string): string => {
  const [own = '', ...rest] = command.split(BEFORE_OWN_COMMAND)
  return [own.replace(/ --quick(?= |$)/g, ''), ...rest].join('')
}

/** What follows is the container's. */
const BEFORE_OWN_COMMAND = /(?= -- )/

/** Replaces a flag of a command line that was recorded, or adds it: before `--`, which begins the container's own command. */
export function withFlag(command: string, name: string, value: string, short?: string): string {
  const [own = '', ...rest] = command.split(BEFORE_OWN_COMMAND)
  const names = short === undefined ? `--${name}` : `(?:--${name}|-${short})`
  const without = own.replace(new RegExp(` ${names}[ =](?:'[^']*'|[^\\s']+)`, 'g'), '')
  return [`${without} --${name} ${value}`, ...rest].join('')
}

const quote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
