/**
 * The list that `soci create` and `soci convert` take with `--prefetch-files-json`: a JSON array of paths. Pure.
 *
 * Source: soci-snapshotter, docs/prefetch.md.
 */
import { z } from 'zod'
import { parseJson } from '../../../system/text/json.ts'
import type { Trace } from '../file.ts'
import type { Touched } from './import.ts'
import { type Exported, exportPaths, readFilesOf, tracePath } from './paths.ts'

export function exportSoci(trace: Trace): Exported {
  // It trims what it reads.
  const { written, leftOut } = exportPaths(readFilesOf(trace), (path) =>
    path.trim() === path ? path : undefined,
  )
  return { text: `${JSON.stringify(written)}\n`, files: written.length, leftOut }
}

const listSchema = z.array(z.string())

/** @throws HeadstartError E_RECORD naming the item */
export function parseSoci(text: string, where: string): Touched[] {
  const paths = parseJson(text, listSchema, {
    code: 'E_RECORD',
    what: where,
    otherwise: 'is not a JSON array of paths',
  })
  return paths.flatMap((path, index) => {
    const trimmed = path.trim()
    return trimmed === '' ? [] : [{ path: tracePath(trimmed, `${where}, item ${index}`) }]
  })
}

export const isSoci = (text: string): boolean => /^\s*\[/.test(text)
