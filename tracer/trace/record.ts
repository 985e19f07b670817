/**
 * The record file of stargz-snapshotter's `ctr-remote images optimize`: one JSON object per line with `path`, `manifestDigest` and
 * `layerIndex`, in order of access. It has neither sizes nor ranges. Pure.
 *
 * Source: stargz-snapshotter, `recorder` package.
 */
import { z } from 'zod'
import { HeadstartError } from '../../system/errors.ts'
import { parseJson } from '../../system/json.ts'
import { TRACE_VERSION, type Trace, type TraceFile } from './file.ts'

const lineSchema = z.object({
  path: z.string().min(1),
  manifestDigest: z.string().optional(),
  layerIndex: z.number().int().nonnegative().optional(),
})
export type RecordLine = z.infer<typeof lineSchema>

/**
 * What was read before ready, in order.
 * @param layerOf index of the layer that owns a path, base 0; paths that no layer has are left out
 */
export function exportRecord(
  trace: Trace,
  manifestDigest: string,
  layerOf: (path: string) => number | undefined,
): string {
  const lines = trace.files
    .filter((file) => !file.afterReady)
    .flatMap(({ path }): RecordLine[] => {
      const layerIndex = layerOf(path)
      return layerIndex === undefined ? [] : [{ path, manifestDigest, layerIndex }]
    })
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** @throws HeadstartError E_RECORD naming the line */
export function parseRecord(text: string, where: string): RecordLine[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const what = `${where}, line ${index + 1}`
    return [parseJson(line, lineSchema, { code: 'E_RECORD', what, otherwise: 'is not a record' })]
  })
}

export interface RecordContext {
  readonly tool: string
  readonly image: Trace['image']
  /** what the image has at a path */
  readonly find: (path: string) => Pick<TraceFile, 'type' | 'size'> | undefined
  readonly now: Date
}

/**
 * A trace of what was recorded; each file counts as read in full, since the record has no ranges.
 * @throws HeadstartError E_RECORD: none of its files is in the image
 */
export function importRecord(
  lines: readonly RecordLine[],
  context: RecordContext,
): { trace: Trace; missing: string[] } {
  const paths = [...new Set(lines.map(({ path }) => path.replace(/^\.?\/+/, '')))]
  const missing = paths.filter((path) => context.find(path) === undefined)
  const files = paths.flatMap((path): Omit<TraceFile, 'order'>[] => {
    const found = context.find(path)
    if (!found) return []
    const ranges: [number, number][] = found.type === 'reg' && found.size > 0 ? [[0, found.size]] : []
    return [{ path, ...found, firstOpenMs: 0, firstReadMs: 0, opens: 1, ranges, afterReady: false }]
  })
  if (files.length === 0)
    throw new HeadstartError(
      'E_RECORD',
      `none of the record's ${paths.length} files is in ${context.image.reference}`,
    )
  const trace: Trace = {
    version: TRACE_VERSION,
    tool: context.tool,
    image: context.image,
    run: {
      engine: 'record',
      command: [],
      readaheadKiB: 0,
      startedAt: context.now.toISOString(),
      ready: { by: 'period', ms: null },
      durationMs: 0,
      runs: 1,
    },
    lookups: { found: 0, missing: 0, listings: 0 },
    files: files.map((file, order) => ({ ...file, order })),
  }
  return { trace, missing }
}
