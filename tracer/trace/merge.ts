/** Several runs of one image as one trace: everything that any run touched, how often, and in the usual order. Pure. */
import { HeadstartError } from '../../system/errors.ts'
import { mergeRanges } from '../mount/ranges.ts'
import type { Trace, TraceFile } from './file.ts'

interface Sighting {
  readonly file: TraceFile
  /** place in its trace, from 0 for the first to 1 for the last */
  readonly rank: number
  /** runs it stands for */
  readonly runs: number
}

/**
 * @param traces of one image, one or more; each may itself be merged
 * @throws HeadstartError E_TRACE: none given, or they are of different images
 */
export function mergeTraces(traces: readonly Trace[]): Trace {
  const [first, ...others] = traces
  if (!first) throw new HeadstartError('E_TRACE', 'there is no trace to merge')
  if (others.length === 0) return first
  const stranger = others.find(({ image }) => image.diffIds.join() !== first.image.diffIds.join())
  if (stranger)
    throw new HeadstartError(
      'E_TRACE',
      `the traces are of different images: ${first.image.reference} (${first.image.digest}) and ${stranger.image.reference} (${stranger.image.digest})`,
      { hint: 'Record the same image again, or pass the traces to optimize one at a time' },
    )
  const runs = traces.reduce((sum, { run }) => sum + run.runs, 0)
  const unused = mergeUnused(traces)
  return {
    ...first,
    run: {
      ...first.run,
      runs,
      durationMs: median(traces.map(({ run }) => run.durationMs)),
      ready: { by: first.run.ready.by, ms: medianOf(traces.map(({ run }) => run.ready.ms)) },
    },
    lookups: {
      found: Math.max(...traces.map(({ lookups }) => lookups.found)),
      missing: Math.max(...traces.map(({ lookups }) => lookups.missing)),
      listings: Math.max(...traces.map(({ lookups }) => lookups.listings)),
    },
    files: mergeFiles(traces, runs),
    ...(unused && { unused }),
  }
}

function mergeFiles(traces: readonly Trace[], runs: number): TraceFile[] {
  const sightings = new Map<string, Sighting[]>()
  for (const { files, run } of traces) {
    for (const file of files) {
      const sighting = {
        file,
        rank: file.order / Math.max(1, files.length - 1),
        runs: file.seen ?? run.runs,
      }
      const known = sightings.get(file.path)
      if (known) known.push(sighting)
      else sightings.set(file.path, [sighting])
    }
  }
  return [...sightings.values()]
    .map((all) => ({ rank: mean(all.map(({ rank }) => rank)), file: mergeFile(all, runs) }))
    .sort((a, b) => a.rank - b.rank || (a.file.path < b.file.path ? -1 : 1))
    .map(({ file }, order) => ({ ...file, order }))
}

function mergeFile(all: readonly Sighting[], runs: number): TraceFile {
  const files = all.map(({ file }) => file)
  const [first] = files
  if (!first) throw new Error('a file that was never seen')
  const early = files.filter((file) => !file.afterReady)
  // One run may read after ready what another read before; the bytes before ready count.
  const ranges = mergeRanges(...(early.length > 0 ? early : files).map((file) => file.ranges))
  const later = early.length > 0 ? mergeRanges(...files.map(laterOf)) : []
  const seen = all.reduce((sum, one) => sum + one.runs, 0)
  const reads = files.flatMap(({ firstReadMs }) => (firstReadMs === undefined ? [] : [firstReadMs]))
  const { seen: _seen, laterRanges: _later, firstReadMs: _read, ...base } = first
  return {
    ...base,
    size: Math.max(...files.map(({ size }) => size)),
    // As the moment of ready: then what was opened before it in every run is before it here.
    firstOpenMs: median(files.map(({ firstOpenMs }) => firstOpenMs)),
    ...(reads.length > 0 && { firstReadMs: median(reads) }),
    opens: Math.max(...files.map(({ opens }) => opens)),
    ranges,
    ...(later.length > 0 && { laterRanges: later }),
    afterReady: early.length === 0,
    ...(seen < runs && { seen }),
  }
}

const laterOf = (file: TraceFile) => (file.afterReady ? file.ranges : (file.laterRanges ?? []))

/** Unused is what no run used; unknown if any trace doesn't say. */
function mergeUnused(traces: readonly Trace[]): Trace['unused'] {
  const [first, ...others] = traces.map(({ unused }) => unused)
  if (!first || others.some((unused) => !unused)) return undefined
  const packages = others.map((unused) => new Set(unused?.packages.map(packageKey)))
  const folders = others.map((unused) => new Set(unused?.folders.map(({ path }) => path)))
  return {
    packages: first.packages.filter((one) => packages.every((names) => names.has(packageKey(one)))),
    folders: first.folders.filter(({ path }) => folders.every((paths) => paths.has(path))),
  }
}

const packageKey = ({ manager, name }: { readonly manager: string; readonly name: string }): string =>
  `${manager} ${name}`

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

/** Of the runs that became ready. */
function medianOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : median(known)
}
