/** What `headstart optimize --json` prints, as far as a job's result keeps it: one line for each platform. */
import { z } from 'zod'
import { digestSchema } from '../../image/document.ts'
import { HeadstartError } from '../../system/errors.ts'
import { parseJson } from '../../system/text/json.ts'
import type { JobResult } from '../queue/types.ts'

const count = z.number().nonnegative()

const summarySchema = z.object({
  digest: digestSchema,
  /** of the index that it is in, where all platforms were rebuilt */
  index: digestSchema.optional(),
  layers: z.array(z.object({ sourceSize: count, size: count })),
  coverage: count,
  start: z.object({ bytes: count, fullBytes: count, ms: count, fullMs: count }),
  profiles: z.array(z.object({ name: z.string(), digest: z.string(), created: z.iso.datetime().optional() })),
})

/** @throws HeadstartError E_COMMAND: it isn't what that command prints */
export function resultFrom(lines: readonly string[], tookMs: number): JobResult {
  const [line] = lines
  if (line === undefined) throw new HeadstartError('E_COMMAND', 'headstart optimize printed no result')
  const summary = parseJson(line, summarySchema, {
    code: 'E_COMMAND',
    what: 'the result of headstart optimize',
  })
  const { digest, index, layers, coverage, start, profiles } = summary
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0)
  return {
    made: index ?? digest,
    bytes: {
      before: sum(layers.map(({ sourceSize }) => sourceSize)),
      after: sum(layers.map(({ size }) => size)),
    },
    start,
    profiles: profiles.map(({ name, created }) => ({
      name,
      ...(created !== undefined && { recordedAt: created }),
    })),
    coverage,
    tookMs,
  }
}
