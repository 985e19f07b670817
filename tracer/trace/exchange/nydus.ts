/**
 * What Nydus takes: `nydusify optimize --prefetch-files` a document with the byte ranges of each file; `nydusify convert
 * --prefetch-patterns` and nydusd one path per line, which `exportPathList` writes. Pure.
 *
 * Source: dragonflyoss/nydus, builder/src/optimize_prefetch.rs; nydus-snapshotter, docs/prefetchfiles-nri-plugin.md.
 */
import { z } from 'zod'
import { HeadstartError } from '../../../system/errors.ts'
import { parseJson } from '../../../system/text/json.ts'
import type { Trace } from '../file.ts'
import type { Touched } from './import.ts'
import { type Exported, plainPath, readFilesOf, tracePath } from './paths.ts'

const count = z.number().int().nonnegative()
const listSchema = z.object({
  version: z.literal('v1'),
  files: z.array(
    z.object({
      path: z.string().min(1),
      /** [offset, size]; without any the whole file */
      ranges: z
        .array(z.tuple([count, count]))
        .nullable()
        .optional(),
    }),
  ),
})

/** Files that are not in Nydus' image make its tool fail: only what was read, which is there. */
export function exportNydus(trace: Trace): Exported {
  const read = readFilesOf(trace)
  const files = read.flatMap(({ path, ranges }) => {
    const plain = plainPath(path)
    if (plain === undefined) return []
    return [{ path: `/${plain}`, ranges: ranges.map(([start, end]) => [start, end - start]) }]
  })
  const text = `${JSON.stringify({ version: 'v1', files })}\n`
  return { text, files: files.length, leftOut: read.length - files.length }
}

/** @throws HeadstartError E_RECORD naming the field */
export function parseNydus(text: string, where: string): Touched[] {
  const { files } = parseJson(text, listSchema, {
    code: 'E_RECORD',
    what: where,
    otherwise: "is not Nydus' list of files",
  })
  return files.map(({ path, ranges }, index) => {
    const here = `${where}, files.${index}`
    // Nydus itself passes over such a path.
    if (!path.startsWith('/')) throw new HeadstartError('E_RECORD', `${here}: the path is not absolute`)
    const touched = { path: tracePath(path, here) }
    return ranges
      ? { ...touched, ranges: ranges.map(([offset, size]): [number, number] => [offset, offset + size]) }
      : touched
  })
}

/** Our own traces have a number for their version. */
export const isNydus = (text: string): boolean =>
  /^\s*\{\s*("version"\s*:\s*"|"files"\s*:\s*\[\s*\{\s*"(path|ranges)"\s*:)/.test(text.slice(0, 4096))
