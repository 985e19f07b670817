/** `fleet.yaml` as a person writes it. Every value is checked here, so that a fault is told with its place, and not by the job that meets it. */
import { z } from 'zod'
import { SPLIT_MODES } from '../../optimizer/options.ts'
import { messageOf } from '../../system/errors.ts'
import { bandwidthIn, durationIn, latencyIn, shareIn, sizeIn } from '../../system/text/amounts.ts'
import { checkName } from '../../tracer/trace/name.ts'
import { faultOfOptimizeFlag, faultOfProfileFlag } from '../perform/flags.ts'
import { faultOfGlob, faultOfHost, faultOfRepository, faultOfTarget } from './names.ts'

const MANY = 10_000

/** Text in which some function finds a fault, told as it is. */
const text = (faultOf: (value: string) => string | undefined) =>
  z
    .string()
    .max(4096)
    .superRefine((value, context) => {
      const fault = faultOf(value)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
    })

const example = (isFine: (value: string) => boolean, expected: string) =>
  text((value) => (isFine(value) ? undefined : `${JSON.stringify(value)} is not ${expected}`))

/** YAML reads `30` as a number and `30s` as text: either is meant. */
const written = <T extends z.ZodType<string, string>>(schema: T) =>
  z.preprocess((value) => (typeof value === 'number' ? String(value) : value), schema)

const duration = written(
  example((value) => durationIn(value) !== undefined, 'a time such as 500ms, 10s, 2m or 1h, at most 24d'),
)
const size = written(example((value) => sizeIn(value) !== undefined, 'a size such as 40MB'))
const share = written(example((value) => (shareIn(value) ?? 2) <= 1, 'a share such as 80%'))
const growth = written(example((value) => shareIn(value) !== undefined, 'a share such as 10%'))
const regex = example((value) => isRegex(value), 'a regular expression')
const url = example(
  (value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
  'a URL such as http://localhost:8080/health',
)

function isRegex(value: string): boolean {
  try {
    new RegExp(value)
    return true
  } catch {
    return false
  }
}

const readySchema = z
  .strictObject({
    log: regex.optional(),
    http: url.optional(),
    status: z.int().min(100).max(599).optional(),
    body: regex.optional(),
    tcp: z.int().min(1).max(65_535).optional(),
    exec: z.string().optional(),
    health: z.literal(true).optional(),
    exit: z.literal(true).optional(),
    period: duration.optional(),
    timeout: duration.optional(),
    grace: duration.optional(),
  })
  .superRefine((ready, context) => {
    const given = WAYS.filter((way) => ready[way] !== undefined)
    const fault =
      given.length > 1
        ? `${given.join(' and ')} can't be combined: a container is ready in one way`
        : (ready.status ?? ready.body) !== undefined && ready.http === undefined
          ? 'status and body are of http, which is missing'
          : undefined
    if (fault !== undefined)
      context.addIssue({ code: 'custom', message: fault, path: [given[1] ?? 'status'] })
  })
const WAYS = ['log', 'http', 'tcp', 'exec', 'health', 'exit', 'period'] as const

const profileFlag = text(faultOfProfileFlag)
const variable = text((value) => faultOfProfileFlag(`--env=${value}`))

/** How a container is started. */
const START = {
  ready: readySchema.optional(),
  command: z.array(z.string()).max(MANY).optional(),
  env: z.array(variable).max(MANY).optional(),
  flags: z.array(profileFlag).max(MANY).optional(),
}

const workloadSchema = z.strictObject({
  name: text((value) => {
    try {
      checkName(value)
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  }),
  ...START,
})

const linkSchema = z.union(
  [
    z.enum(['lan', 'wan', 'edge']),
    z.strictObject({
      bandwidth: written(example((value) => (bandwidthIn(value) ?? 0) > 0, 'a rate such as 100Mbit')),
      latency: written(example((value) => latencyIn(value) !== undefined, 'a latency such as 10ms')),
    }),
  ],
  'link is to be lan, wan, or edge, or { bandwidth: 50Mbit, latency: 20ms }',
)

const budgetSchema = z.strictObject({ growth: growth.optional(), prefetch: size.optional() })

/** How images are made, by default or of one entry. */
const SETTINGS = {
  ...START,
  workloads: z.array(workloadSchema).min(1).max(20).optional(),
  target: text(faultOfTarget).optional(),
  platforms: z.enum(['all', 'host']).optional(),
  minCoverage: share.optional(),
  link: linkSchema.optional(),
  split: z.enum(SPLIT_MODES).optional(),
  budget: budgetSchema.optional(),
  optimize: z.array(text(faultOfOptimizeFlag)).max(MANY).optional(),
}

const defaultsSchema = z.strictObject(SETTINGS)
export type Settings = z.infer<typeof defaultsSchema>

const globs = z
  .array(written(text(faultOfGlob)))
  .min(1)
  .max(MANY)

const entrySchema = z.strictObject({
  repositories: z.array(text(faultOfRepository)).min(1).max(MANY),
  exceptRepositories: z.array(text(faultOfRepository)).max(MANY).optional(),
  tags: globs.optional(),
  exceptTags: globs.optional(),
  ...SETTINGS,
})
export type WrittenEntry = z.infer<typeof entrySchema>

export const fleetSchema = z.strictObject({
  version: z.literal(1, 'this headstart knows version 1 alone'),
  registry: text(faultOfHost).optional(),
  defaults: defaultsSchema.optional(),
  images: z.array(entrySchema).min(1).max(MANY),
})
