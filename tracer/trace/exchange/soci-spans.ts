/**
 * What SOCI keeps from a prefetch list for one layer: numbers of spans, both ends included. It takes whole files; this takes the bytes
 * that were read. Pure.
 *
 * Source: soci-snapshotter, soci/prefetch.go and docs/prefetch.md.
 */
import { spanAt, type Ztoc } from '../../../image/soci/ztoc.ts'
import { HeadstartError } from '../../../system/errors.ts'
import type { BytePath } from '../../../system/text/byte-path.ts'
import type { Trace } from '../file.ts'
import { type Exported, readFilesOf } from './paths.ts'

export interface ZtocLayer {
  readonly ztoc: Ztoc
  /** its name in messages */
  readonly name: string
  /** where the layer has the content of a file that the container sees; undefined: another layer has it */
  readonly contentOf: (path: string) => BytePath | undefined
}

export interface PrefetchSpan {
  readonly start_span: number
  readonly end_span: number
  /** 0 for what was read first; SOCI keeps it for later use */
  readonly priority: number
}

/** @throws HeadstartError E_ZTOC: the start reads nothing of the layer, or the layer has less of a file than was read */
export function exportSociSpans(trace: Trace, layer: ZtocLayer): Exported {
  const { spans, files } = spansOf(trace, layer)
  if (spans.length === 0)
    throw new HeadstartError('E_ZTOC', `the start reads nothing from ${layer.name}, so it needs no spans`)
  return {
    text: `${JSON.stringify({ version: '1.0', prefetch_spans: spans })}\n`,
    files,
    leftOut: 0,
  }
}

/** @returns the spans, and how many files of the layer they are of */
export function spansOf(trace: Trace, { ztoc, name, contentOf }: ZtocLayer) {
  const entries = new Map(ztoc.files.map((file) => [file.path, file]))
  /** of each span the place in the order of first opens */
  const firstUse = new Map<number, number>()
  let files = 0
  for (const { path, ranges, order } of readFilesOf(trace)) {
    const content = contentOf(path)
    const entry = content === undefined ? undefined : entries.get(content)
    if (entry === undefined) continue
    files++
    for (const [start, end] of ranges) {
      if (end > entry.size)
        throw new HeadstartError(
          'E_ZTOC',
          `${path} was read up to byte ${end}, but has only ${entry.size} bytes in ${name}`,
          {
            hint: 'The trace belongs to another image; record this one with: headstart profile',
          },
        )
      const last = spanAt(ztoc, entry.offset + end - 1)
      for (let span = spanAt(ztoc, entry.offset + start); span <= last; span++)
        if (!firstUse.has(span)) firstUse.set(span, order)
    }
  }
  return { spans: inRuns(firstUse), files }
}

/** Spans that follow each other as one, with the priority of the first that is used. */
function inRuns(firstUse: ReadonlyMap<number, number>): PrefetchSpan[] {
  const runs: { start: number; end: number; order: number }[] = []
  for (const [span, order] of [...firstUse].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1)
    if (last && last.end + 1 === span) {
      last.end = span
      last.order = Math.min(last.order, order)
    } else runs.push({ start: span, end: span, order })
  }
  const ranks = [...runs].sort((a, b) => a.order - b.order)
  const rankOf = new Map(ranks.map((run, rank) => [run, rank]))
  return runs.map((run) => ({
    start_span: run.start,
    end_span: run.end,
    priority: rankOf.get(run) ?? 0,
  }))
}
