/**
 * The trace file: what a start touched, when, and which bytes. Versioned and schema-checked; a reader refuses
 * other versions. Times are milliseconds since the container was started; sizes and offsets are bytes.
 */
import { z } from 'zod'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { writeWhole } from '../../system/files/atomic-file.ts'
import { readInput } from '../../system/files/read-whole.ts'
import { bytesOf } from '../../system/text/byte-path.ts'
import { parseJson } from '../../system/text/json.ts'
import { visible } from '../../system/text/visible.ts'
import { isMerged, mergeRanges } from '../mount/ranges.ts'

export const TRACE_VERSION = 1

const count = z.number().int().nonnegative()
const time = z.number().nonnegative()

const fileSchema = z.strictObject({
  /** from the root, no leading slash; bytes that are not UTF-8 are written as percent escapes, see `pathBytes` */
  path: z.string().min(1),
  /** special: a device or fifo; only in imported records, since a mount does not see them opened */
  type: z.enum(['reg', 'symlink', 'special']),
  size: count,
  /** place in the order of first opens (symlinks: of first resolution), 0 for the first */
  order: count,
  firstOpenMs: time,
  firstReadMs: time.optional(),
  opens: count,
  /** merged, ascending, half-open [start, end) */
  ranges: z.array(z.tuple([count, count])),
  /** read after ready, of a file that was touched before: not in `ranges` */
  laterRanges: z.array(z.tuple([count, count])).optional(),
  /** the first access came after ready */
  afterReady: z.boolean(),
  /** in how many of `run.runs` it was touched; absent: in all of them */
  seen: count.min(1).optional(),
  /** sha256 of the content, if it was known without reading the file */
  digest: z.string().optional(),
})

export const unusedSchema = z.strictObject({
  /** installed by package managers; files and bytes of each */
  packages: z.array(
    z.strictObject({
      manager: z.enum(['dpkg', 'apk', 'npm', 'pip']),
      name: z.string(),
      bytes: count,
      files: count,
    }),
  ),
  /** topmost folders with no touched file in them */
  folders: z.array(z.strictObject({ path: z.string(), bytes: count, files: count })),
})

const traceSchema = z.strictObject({
  version: z.literal(TRACE_VERSION),
  tool: z.string(),
  image: z.strictObject({
    reference: z.string(),
    /** digest of the manifest; where an engine keeps none, of one made from its config and layers */
    digest: z.string(),
    platform: z.string(),
    /** identifies the content regardless of its compression */
    diffIds: z.array(z.string()),
    /** bytes of all regular files as the container sees them */
    bytes: count,
    files: count,
  }),
  run: z.strictObject({
    engine: z.string(),
    command: z.array(z.string()),
    /** kernel readahead of the recording mount in KiB: a page fault reads at least this much */
    readaheadKiB: count,
    startedAt: z.iso.datetime(),
    ready: z.strictObject({
      by: z.enum(['log', 'http', 'tcp', 'exec', 'health', 'exit', 'period', 'interrupt']),
      /** null: the period ended or the run was interrupted, without a readiness check */
      ms: time.nullable(),
    }),
    durationMs: time,
    /** how many runs were merged into this trace */
    runs: count.min(1),
  }),
  /** accesses that fetch no content; kept apart from files */
  lookups: z.strictObject({ found: count, missing: count, listings: count }),
  /** by `order` */
  files: z.array(fileSchema),
  /** the largest of what no run touched; absent if it was not looked for */
  unused: unusedSchema.optional(),
})

export type Trace = z.infer<typeof traceSchema>
export type TraceFile = z.infer<typeof fileSchema>

/**
 * As a recording writes it, whoever wrote it: each path once, however it is spelled, the last of two, and its ranges merged. What is planned by a trace then is no larger
 * than the image, and takes no longer than reading the trace.
 */
function tidied(trace: Trace): Trace {
  const byPath = new Map(trace.files.map((file) => [bytesOf(file.path), file]))
  const isTidy = byPath.size === trace.files.length && trace.files.every(hasMergedRanges)
  return isTidy ? trace : { ...trace, files: [...byPath.values()].map(withMergedRanges) }
}

const hasMergedRanges = ({ ranges, laterRanges = [] }: TraceFile): boolean =>
  isMerged(ranges) && isMerged(laterRanges)

const withMergedRanges = ({ ranges, laterRanges, ...file }: TraceFile): TraceFile => ({
  ...file,
  ranges: mergeRanges(ranges),
  ...(laterRanges && { laterRanges: mergeRanges(laterRanges) }),
})

const RECORD_AGAIN = 'Record it again with: headstart profile'

/**
 * @param text a trace file's content
 * @param where its name, for the error
 * @throws HeadstartError E_TRACE: not JSON, another version, or a field that is wrong (named)
 */
export function parseTrace(text: string, where: string): Trace {
  const trace = parseJson(text, traceSchema, {
    code: 'E_TRACE',
    what: where,
    otherwise: `is not a trace of version ${TRACE_VERSION}`,
    mistaken: { field: 'samples', is: 'a measurement, not a trace, which headstart profile writes' },
    hint: RECORD_AGAIN,
  })
  return tidied(trace)
}

/** @throws HeadstartError E_TRACE */
export async function readTrace(file: string): Promise<Trace> {
  let text: string
  try {
    text = await readInput(file)
  } catch (cause) {
    throw new HeadstartError('E_TRACE', `the trace ${file} can't be read: ${messageOf(cause)}`, { cause })
  }
  return parseTrace(text, file)
}

/** Control characters in names are escaped, so that it is safe to print. */
export const traceText = (trace: Trace): string => `${visible(JSON.stringify(traceSchema.parse(trace)))}\n`

/** Whole or not at all. */
export const writeTrace = (file: string, trace: Trace): Promise<void> => writeWhole(file, traceText(trace))
