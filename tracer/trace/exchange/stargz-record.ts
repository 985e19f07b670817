/**
 * The record file of stargz-snapshotter's `ctr-remote images optimize`, which its converters and nerdctl take (`--estargz-record-in`,
 * `--zstdchunked-record-in`): one JSON object per line with `path`, `manifestDigest` and `layerIndex`, in order of access. It has neither
 * sizes nor ranges. Pure.
 *
 * Source: stargz-snapshotter, `recorder` package.
 */
import { z } from 'zod'
import { parseJson } from '../../../system/text/json.ts'
import type { Trace } from '../file.ts'
import type { Touched } from './import.ts'
import { type Exported, linesOf, plainPath, tracePath } from './paths.ts'

const lineSchema = z.object({
  path: z.string().min(1),
  manifestDigest: z.string().optional(),
  layerIndex: z.number().int().nonnegative().optional(),
})

export interface RecordedImage {
  readonly manifestDigest: string
  /** index of the layer that owns a path, base 0; paths that no layer has are left out */
  readonly layerOf: (path: string) => number | undefined
}

/** What was opened before ready, in order. */
export function exportRecord(trace: Trace, { manifestDigest, layerOf }: RecordedImage): Exported {
  const opened = trace.files.filter((file) => !file.afterReady)
  const lines = opened.flatMap((file) => {
    const [layerIndex, path] = [layerOf(file.path), plainPath(file.path)]
    return layerIndex === undefined || path === undefined ? [] : [{ path, manifestDigest, layerIndex }]
  })
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  return { text, files: lines.length, leftOut: opened.length - lines.length }
}

/** @throws HeadstartError E_RECORD naming the line */
export function parseRecord(text: string, where: string): Touched[] {
  return linesOf(text, where).flatMap((line, index) => {
    if (line.trim() === '') return []
    const what = `${where}, line ${index + 1}`
    const { path } = parseJson(line, lineSchema, { code: 'E_RECORD', what, otherwise: 'is not a record' })
    return [{ path: tracePath(path, what) }]
  })
}

export const isRecord = (text: string): boolean =>
  /^\s*\{\s*"(path|manifestDigest|layerIndex)"/.test(text.slice(0, 4096))
