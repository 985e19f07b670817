/**
 * The measurement file: what `bench` measured, how, and on which images. Versioned and schema-checked; other versions are refused.
 * Times are milliseconds since the sample began, sizes are bytes.
 */
import { z } from 'zod'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { writeWhole } from '../../system/files/atomic-file.ts'
import { readInput } from '../../system/files/read-whole.ts'
import { parseJson } from '../../system/text/json.ts'
import { visible } from '../../system/text/visible.ts'

export const BENCH_VERSION = 1

/**
 * From nothing to ready, in order. `resolve`: manifest and config. `tocs`: footers and tables of contents of all layers
 * (legacy: none). `prefetch`: the zones (legacy: all layers, fetched and unpacked). `create`: mounts and the container.
 * `ready`: from the container's start until it is ready.
 */
export const PHASES = ['resolve', 'tocs', 'prefetch', 'create', 'ready'] as const
export type Phase = (typeof PHASES)[number]

const count = z.number().int().nonnegative()
const time = z.number().nonnegative()

const perPhase = <T extends z.ZodType>(schema: T) =>
  z.strictObject({ resolve: schema, tocs: schema, prefetch: schema, create: schema, ready: schema })

const trafficSchema = z.strictObject({
  /** of bodies, received through the link in this phase */
  bytes: count,
  /** that belong to this phase */
  requests: count,
  /** round trips that followed one another: the longest chain of requests that did not overlap */
  roundTrips: count,
})

const sampleSchema = z.strictObject({
  /** an arm's id */
  arm: z.string(),
  round: count,
  phases: perPhase(time),
  traffic: perPhase(trafficSchema),
  /** [ms, all bytes received so far], ascending in both, until ready */
  timeline: z.array(z.tuple([time, count])),
  /** what was fetched after ready, and for how long requests were recorded */
  after: z.strictObject({ ms: time, bytes: count, requests: count }),
  /** legacy only, base layer first: how long each layer took to unpack once it had arrived */
  unpack: z.array(z.strictObject({ bytes: count, ms: time })),
})

const layerSchema = z.strictObject({
  digest: z.string(),
  mediaType: z.string(),
  size: count,
  estargz: z.boolean(),
  /** before the prefetch landmark; 0 without a zone */
  zoneBytes: count,
  zoneFiles: count,
  tocBytes: count,
})

/**
 * [path as text, layer index, bytes of content, bytes in the blob, 1 in the zone or 2 with ranges ahead of it, bytes of content in these]: the visible
 * regular files. The last is absent without such ranges, and in older files.
 */
const fileRow = z.tuple([z.string(), count, count, count, z.literal([0, 1, 2]), count.optional()])

const imageSchema = z.strictObject({
  reference: z.string(),
  digest: z.string(),
  platform: z.string(),
  /** identifies the content however it is packed; absent in older files */
  diffIds: z.array(z.string()).optional(),
  /** base layer first */
  layers: z.array(layerSchema),
  files: z.array(fileRow).optional(),
})

const ARM_KINDS = ['legacy', 'lazy', 'optimized', 'other'] as const
export type ArmKind = (typeof ARM_KINDS)[number]

const armSchema = z.strictObject({
  id: z.string().min(1),
  kind: z.enum(ARM_KINDS),
  /** key of `images` */
  image: z.string(),
  runtime: z.enum(['builtin', 'run', 'docker', 'containerd']),
})

const linkSchema = z.strictObject({
  /** a preset's name, `custom` or `none` */
  name: z.string(),
  /** null: unlimited */
  bitsPerSecond: z.number().positive().nullable(),
  roundTripMs: time,
})

const auditSchema = z.strictObject({
  /** [path, bytes of it in the zone]: in the zone, but not read */
  unused: z.array(z.tuple([z.string(), count])),
  /** read before ready, but not in the zone: which ranges, and what was fetched for them */
  onDemand: z.array(
    z.strictObject({
      path: z.string(),
      size: count,
      ranges: z.array(z.tuple([count, count])),
      bytes: count,
      requests: count,
    }),
  ),
  zoneBytes: count,
  unusedBytes: count,
})

const benchSchema = z.strictObject({
  version: z.literal(BENCH_VERSION),
  tool: z.string(),
  startedAt: z.iso.datetime(),
  /** the run was ended before all samples were taken */
  interrupted: z.boolean(),
  link: linkSchema,
  machine: z.strictObject({
    cpu: z.string(),
    cores: count,
    memoryBytes: count,
    system: z.string(),
    kernel: z.string(),
  }),
  /** program to version */
  versions: z.record(z.string(), z.string()),
  /** with the containerd runtime: which one, as text */
  containerd: z.string().optional(),
  /** how readiness was determined, as text, e.g. `log matches /Running on/` */
  readiness: z.string(),
  /** what to type to measure again */
  command: z.string(),
  warmups: count,
  /** before each sample; not permitted in an unprivileged container */
  pageCacheDropped: z.boolean(),
  images: z.record(z.string(), imageSchema),
  arms: z.array(armSchema),
  samples: z.array(sampleSchema),
  audit: auditSchema.optional(),
})

export type Bench = z.infer<typeof benchSchema>
export type BenchSample = z.infer<typeof sampleSchema>
export type BenchArm = z.infer<typeof armSchema>
export type BenchImage = z.infer<typeof imageSchema>
export type BenchLink = z.infer<typeof linkSchema>
export type BenchAudit = z.infer<typeof auditSchema>
export type BenchFile = z.infer<typeof fileRow>
export type PhaseTraffic = z.infer<typeof trafficSchema>

const HINT = 'Measure again with: headstart bench'

/**
 * @param where the file's name, for the error
 * @throws HeadstartError E_BENCH: not JSON, another version, or a field that is wrong (named)
 */
export function parseBench(text: string, where: string): Bench {
  const bench = parseJson(text, benchSchema, {
    code: 'E_BENCH',
    what: where,
    otherwise: `is not a measurement of version ${BENCH_VERSION}`,
    mistaken: { field: 'lookups', is: 'a trace, not a measurement, which headstart bench writes' },
    hint: HINT,
  })
  return checkReferences(bench, where)
}

/** Samples name an arm, and arms an image: the schema can't check this. */
function checkReferences(bench: Bench, where: string): Bench {
  const arms = new Set(bench.arms.map((arm) => arm.id))
  const stray = bench.samples.find((sample) => !arms.has(sample.arm))
  const lost = bench.arms.find((arm) => !Object.hasOwn(bench.images, arm.image))
  if (!stray && !lost && arms.size === bench.arms.length) return bench
  const what = stray
    ? `a sample of an unknown arm ${JSON.stringify(stray.arm)}`
    : lost
      ? `the arm ${JSON.stringify(lost.id)} has no image`
      : 'two arms with the same name'
  throw new HeadstartError('E_BENCH', `${where} is not a measurement: ${what}`, { hint: HINT })
}

export async function readBench(file: string): Promise<Bench> {
  let text: string
  try {
    text = await readInput(file)
  } catch (cause) {
    throw new HeadstartError('E_BENCH', `the measurement ${file} can't be read: ${messageOf(cause)}`, {
      cause,
    })
  }
  return parseBench(text, file)
}

export async function writeBench(file: string, bench: Bench): Promise<void> {
  await writeWhole(file, `${visible(JSON.stringify(benchSchema.parse(bench)))}\n`)
}
