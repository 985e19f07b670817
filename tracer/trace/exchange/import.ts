/** What other tools recorded about a start, as a trace. Their formats have no sizes, which the image knows, and most have no ranges. Pure. */
import picomatch from 'picomatch'
import { HeadstartError } from '../../../system/errors.ts'
import { mergeRanges } from '../../mount/ranges.ts'
import { TRACE_VERSION, type Trace, type TraceFile } from '../file.ts'

/** One line or item of such a form; paths are a trace's. */
export type Touched =
  | {
      readonly path: string
      /** half-open [start, end); without any the whole file */
      readonly ranges?: readonly (readonly [number, number])[]
      /** digest of the layer that had it, where the form says so */
      readonly layer?: string
    }
  | { readonly glob: string }

export interface ImportContext {
  readonly tool: string
  readonly image: Trace['image']
  /** digests of its layers */
  readonly layers: readonly string[]
  /** every path in it that `find` knows, for globs */
  readonly paths: () => Iterable<string>
  /** what the image has at a path */
  readonly find: (path: string) => Pick<TraceFile, 'type' | 'size'> | undefined
  readonly now: Date
}

/**
 * @returns the trace, and what it has no file for: paths, and globs that match none
 * @throws HeadstartError E_RECORD: none of its files is in the image
 */
export function importTouched(
  touched: readonly Touched[],
  context: ImportContext,
): { trace: Trace; missing: string[] } {
  const { ranges, missing } = resolve(ofImage(touched, context.layers), context)
  const files = [...ranges].flatMap(([path, read]): Omit<TraceFile, 'order'>[] => {
    const found = context.find(path)
    if (!found) return []
    const isRead = found.type === 'reg' && found.size > 0
    return [
      {
        path,
        ...found,
        firstOpenMs: 0,
        firstReadMs: 0,
        opens: 1,
        ranges: isRead ? within(read, found.size) : [],
        afterReady: false,
      },
    ]
  })
  if (files.length === 0)
    throw new HeadstartError(
      'E_RECORD',
      `none of the ${missing.length} recorded files is in ${context.image.reference}`,
    )
  return { trace: traceOf(files, context), missing }
}

/** A node's log is of all its images: where it names layers of this one, the others are left out. */
function ofImage(touched: readonly Touched[], layers: readonly string[]): readonly Touched[] {
  const own = touched.filter((one) => 'path' in one && one.layer !== undefined && layers.includes(one.layer))
  return own.length > 0 ? own : touched
}

type Read = readonly (readonly [number, number])[] | undefined

/** Paths in the order they are first named, with what was read of each; undefined: all. */
function resolve(touched: readonly Touched[], { find, paths }: ImportContext) {
  const ranges = new Map<string, Read>()
  const missing = new Set<string>()
  const add = (path: string, read: Read) => {
    const known = ranges.get(path)
    const isWhole = read === undefined || (ranges.has(path) && known === undefined)
    ranges.set(path, isWhole ? undefined : [...(known ?? []), ...read])
  }
  for (const one of touched) {
    if ('path' in one) {
      if (find(one.path)) add(one.path, one.ranges)
      else missing.add(one.path)
      continue
    }
    const matches = picomatch(one.glob, GLOBS)
    let isMatched = false
    for (const path of paths()) {
      if (!matches(path) || !find(path)) continue
      add(path, undefined)
      isMatched = true
    }
    if (!isMatched) missing.add(one.glob)
  }
  return { ranges, missing: [...missing] }
}

/** `*`, `?`, `[]` and `**`, and nothing else that picomatch knows. Names with a leading dot match: in an image nothing is hidden. */
const GLOBS = { dot: true, nobrace: true, noextglob: true, nonegate: true }

const within = (read: Read, size: number): [number, number][] =>
  read === undefined
    ? [[0, size]]
    : mergeRanges(read.map(([start, end]): [number, number] => [start, Math.min(end, size)]))

const traceOf = (files: readonly Omit<TraceFile, 'order'>[], { tool, image, now }: ImportContext): Trace => ({
  version: TRACE_VERSION,
  tool,
  image,
  run: {
    engine: 'record',
    command: [],
    readaheadKiB: 0,
    startedAt: now.toISOString(),
    ready: { by: 'period', ms: null },
    durationMs: 0,
    runs: 1,
  },
  lookups: { found: 0, missing: 0, listings: 0 },
  files: files.map((file, order) => ({ ...file, order })),
})
