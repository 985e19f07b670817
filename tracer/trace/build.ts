/** Turns what the mount recorded into a trace. Pure. */

import { formatPlatform } from '../../image/platform.ts'
import type { Image } from '../../image/types.ts'
import { textOf } from '../../system/text/byte-path.ts'
import { withoutSecrets } from '../../system/text/secrets.ts'
import type { Ready } from '../container/readiness/readiness.ts'
import type { EngineName } from '../container/types.ts'
import type { Mount, Recording } from '../mount/mount.ts'
import { mergeRanges } from '../mount/ranges.ts'
import { TRACE_VERSION, type Trace, type TraceFile } from './file.ts'

export interface TraceInput {
  readonly tool: string
  readonly image: Image
  readonly engine: EngineName
  readonly command: readonly string[]
  readonly ready: Ready
  readonly startedAt: { readonly monotonic: number; readonly date: Date }
  /** monotonic milliseconds, as all of the recording's times */
  readonly endedAt: number
  readonly mount: Pick<Mount, 'totals' | 'rootLinks' | 'readaheadKiB'>
  readonly recording: Recording
  readonly unused: Trace['unused']
}

export function buildTrace(input: TraceInput): Trace {
  const { image, ready, startedAt, recording } = input
  const since = (at: number): number => Math.max(0, round(at - startedAt.monotonic))
  return {
    version: TRACE_VERSION,
    tool: input.tool,
    image: {
      reference: image.reference,
      digest: image.descriptor.digest,
      platform: formatPlatform(image.config.platform),
      diffIds: [...image.config.diffIds],
      bytes: input.mount.totals.bytes,
      files: input.mount.totals.files,
    },
    run: {
      engine: input.engine,
      command: withoutSecrets(input.command),
      readaheadKiB: input.mount.readaheadKiB,
      startedAt: startedAt.date.toISOString(),
      ready: { by: ready.by, ms: ready.at === undefined ? null : since(ready.at) },
      durationMs: since(input.endedAt),
      runs: 1,
    },
    lookups: { ...recording.lookups },
    files: withRootLinks(recording.files, input.mount.rootLinks).map((file, order) =>
      describeFile(file, order, ready.at, since),
    ),
    ...(input.unused && { unused: input.unused }),
  }
}

type Seen = Recording['files'][number]

/**
 * Some engines resolve symlinks at the root (`lib` → `usr/lib`) before they reach the mount, so they are not recorded. Each one that leads
 * to something touched therefore counts as resolved right before it, with every engine: a symlink costs no bytes, a missing one a request.
 */
function withRootLinks(files: readonly Seen[], links: Mount['rootLinks']): Seen[] {
  const missing = links.filter(({ name }) => !files.some((file) => file.path === name))
  const result = [...files]
  for (const { name, target } of missing) {
    const prefix = `${target.replace(/^\/|\/$/g, '')}/`
    const at = result.findIndex((file) => file.path.startsWith(prefix))
    const first = result[at]
    if (!first) continue
    const { firstOpen } = first
    const link = { path: name, type: 'symlink', size: target.length, firstOpen, opens: 1 } as const
    result.splice(at, 0, { ...link, ranges: [], laterRanges: [] })
  }
  return result
}

function describeFile(
  file: Seen,
  order: number,
  readyAt: number | undefined,
  since: (at: number) => number,
): TraceFile {
  const afterReady = readyAt !== undefined && file.firstOpen > readyAt
  return {
    path: textOf(file.path),
    type: file.type,
    size: file.size,
    order,
    firstOpenMs: since(file.firstOpen),
    ...(file.firstRead !== undefined && { firstReadMs: since(file.firstRead) }),
    opens: file.opens,
    ranges: afterReady ? mergeRanges(file.ranges, file.laterRanges) : file.ranges,
    ...(!afterReady && file.laterRanges.length > 0 && { laterRanges: file.laterRanges }),
    afterReady,
    ...(file.digest !== undefined && { digest: file.digest }),
  }
}

/** The clock is good for microseconds. */
const round = (ms: number): number => Math.round(ms * 1000) / 1000
