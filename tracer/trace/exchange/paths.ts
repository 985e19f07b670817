/** Paths as other tools write them, plain UTF-8 with or without a leading slash, and as a trace has them. Pure. */
import { isUtf8 } from 'node:buffer'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { bytesOf, layerPath, textOf } from '../../../system/text/byte-path.ts'
import type { Trace, TraceFile } from '../file.ts'

/** What a form holds, and how many files' names it has no way to write. */
export interface Exported {
  readonly text: string
  readonly files: number
  readonly leftOut: number
}

/** Regular files of which bytes were read before ready, in the order of their first open. */
export const readBeforeReady = (trace: Trace): TraceFile[] =>
  trace.files.filter(({ afterReady, type, ranges }) => !afterReady && type === 'reg' && ranges.length > 0)

/** @throws HeadstartError E_TRACE: a runtime would be told to prefetch nothing */
export function readFilesOf(trace: Trace): TraceFile[] {
  const files = readBeforeReady(trace)
  if (files.length === 0)
    throw new HeadstartError(
      'E_TRACE',
      `the trace of ${trace.image.reference} has no byte ranges that were read before ready`,
      {
        hint: 'Record the start again with: headstart profile',
      },
    )
  return files
}

/** As many as a table of contents has entries; a list has fewer. */
const MAX_LINES = 2_000_000

/** @throws HeadstartError E_RECORD: too many */
export function linesOf(text: string, where: string): string[] {
  const lines = text.split('\n', MAX_LINES + 1)
  if (lines.length <= MAX_LINES) return lines
  throw new HeadstartError('E_RECORD', `${where} has more than ${MAX_LINES} lines`)
}

/** @returns undefined: its bytes are not UTF-8 */
export function plainPath(path: string): string | undefined {
  const bytes = Buffer.from(bytesOf(path), 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

/**
 * @param plain as another tool wrote it, from the root
 * @param where the file with line or field, for the error
 * @throws HeadstartError E_RECORD: no path
 */
export function tracePath(plain: string, where: string): string {
  try {
    return textOf(layerPath(Buffer.from(plain, 'utf8').toString('latin1')))
  } catch (cause) {
    throw new HeadstartError('E_RECORD', `${where}: ${messageOf(cause)}`, { cause })
  }
}

/** Readers of such lists take a line each, and trim it. */
export const fitsLine = (path: string): boolean => !/[\n\r]|^\s|\s$/.test(path)

/** Each file's absolute path as `write` has it. @param write undefined: the form can't hold that path */
export function exportPaths(
  files: readonly TraceFile[],
  write: (path: string) => string | undefined,
): { written: string[]; leftOut: number } {
  const written = files.flatMap(({ path }) => {
    const plain = plainPath(path)
    const text = plain === undefined ? undefined : write(`/${plain}`)
    return text === undefined ? [] : [text]
  })
  return { written, leftOut: files.length - written.length }
}

/** A path a line, as Nydus and overlaybd take them. */
export function exportPathList(trace: Trace): Exported {
  const { written, leftOut } = exportPaths(readFilesOf(trace), (path) => (fitsLine(path) ? path : undefined))
  return { text: written.map((line) => `${line}\n`).join(''), files: written.length, leftOut }
}
