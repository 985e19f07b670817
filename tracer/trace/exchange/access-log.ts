/**
 * The log of a stargz snapshotter with `log_file_access`: a line at the first access to each file, as JSON or as logrus' text. Pure.
 *
 * Source: stargz-snapshotter, fs/layer/node.go.
 */
import { z } from 'zod'
import { HeadstartError } from '../../../system/errors.ts'
import { jsonIf } from '../../../system/text/json.ts'
import type { Touched } from './import.ts'
import { linesOf, tracePath } from './paths.ts'

const SAID = 'file accessed: '

export const isAccessLog = (text: string): boolean => text.includes(`"${SAID}`)

const jsonLine = z.object({ msg: z.string(), layer: z.string().optional() })
const quoted = z.string()

/** Everything else that is logged is passed over. @throws HeadstartError E_RECORD naming the line */
export function parseAccessLog(text: string, where: string): Touched[] {
  return linesOf(text, where).flatMap((line, index): Touched[] => {
    if (!line.includes(`"${SAID}`)) return []
    const here = `${where}, line ${index + 1}`
    const said = ofJson(line) ?? ofText(line)
    if (!said?.msg.startsWith(SAID))
      throw new HeadstartError('E_RECORD', `${here} is not a whole line of the snapshotter's log`)
    const path = tracePath(said.msg.slice(SAID.length), here)
    return [said.layer === undefined ? { path } : { path, layer: said.layer }]
  })
}

/** A journal puts its own words before it. */
const ofJson = (line: string) => {
  const at = line.indexOf('{"')
  return at === -1 ? undefined : jsonIf(line.slice(at), jsonLine)
}

function ofText(line: string): { msg: string; layer?: string } | undefined {
  const msg = jsonIf(/ msg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1] ?? '', quoted)
  const layer = / layer="?(sha256:[0-9a-f]+)/.exec(line)?.[1]
  return msg === undefined ? undefined : { msg, ...(layer !== undefined && { layer }) }
}
