/** What is wrong with an entry of a table of contents, in words, and where. */
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { type BytePath, layerPath, textOf } from '../../../system/text/byte-path.ts'
import type { TocEntry } from './toc.ts'

export const fault = (entry: Pick<TocEntry, 'name'>, what: string): HeadstartError =>
  new HeadstartError(
    'E_ESTARGZ',
    `the table of contents, ${JSON.stringify(textOf(entry.name.slice(0, 200)))}: ${what}`,
  )

/** @throws HeadstartError E_ESTARGZ: a path that leaves the layer, or that no file system takes */
export function checkedPath(entry: Pick<TocEntry, 'name'>, name: string): BytePath {
  try {
    return layerPath(name)
  } catch (cause) {
    throw fault(entry, messageOf(cause))
  }
}
