/**
 * The list that `ctr-remote images optimize --prefetch-list` takes: one path or glob per line, with `#` before a comment. Pure.
 *
 * Source: stargz-snapshotter, docs/ctr-remote.md, "Prefetch list glob patterns".
 */
import { HeadstartError } from '../../../system/errors.ts'
import type { Trace } from '../file.ts'
import type { Touched } from './import.ts'
import { type Exported, exportPaths, fitsLine, linesOf, readFilesOf, tracePath } from './paths.ts'

export function exportPrefetchList(trace: Trace): Exported {
  const { written, leftOut } = exportPaths(readFilesOf(trace), (path) =>
    fitsLine(path) ? escaped(path) : undefined,
  )
  return { text: written.map((line) => `${line}\n`).join(''), files: written.length, leftOut }
}

/** In a class of its own a character means itself, in every dialect of globs. */
const escaped = (path: string): string => path.replace(/[*?[{]/g, '[$&]').replaceAll('\\', '\\\\')

/** Longer than any path: matching a glob takes time that grows with it. */
const MAX_LINE = 4096
/** Each is held against every path of the image. */
const MAX_GLOBS = 1000

/** @throws HeadstartError E_RECORD naming the line */
export function parsePrefetchList(text: string, where: string): Touched[] {
  let globs = 0
  return linesOf(text, where).flatMap((raw, index): Touched[] => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return []
    const here = `${where}, line ${index + 1}`
    if (line.length > MAX_LINE)
      throw new HeadstartError('E_RECORD', `${here} has ${line.length} characters; ${MAX_LINE} is the limit`)
    if (!/[*?[\\]/.test(line)) return [{ path: tracePath(line, here) }]
    if (++globs > MAX_GLOBS)
      throw new HeadstartError('E_RECORD', `${here} is one glob too many: ${MAX_GLOBS} is the limit`)
    return [{ glob: line.replace(/^(\.?\/)+/, '') }]
  })
}

/** Of text that is neither JSON nor a log: its first line that says something is a path or a glob. */
export function isPrefetchList(text: string): boolean {
  const lines = text.slice(0, 65_536).split('\n')
  const first = lines.map((line) => line.trim()).find((line) => line !== '' && !line.startsWith('#'))
  return first !== undefined && /^[^"<>{}=\p{Cc}]+$/u.test(first) && /[/*]/.test(first)
}
