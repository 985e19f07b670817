/** What every pull and start from nothing has, be it a sample or the audit: a name that was never used, and nothing cached. */
import { randomBytes } from 'node:crypto'
import type { Workspace } from '../../system/workspace.ts'
import type { Link } from './link/link.ts'
import { dropPageCache } from './machine.ts'
import type { Cycle, OpenRuntime, StartSettings } from './runtime/types.ts'
import type { StagedArm } from './stage/stage.ts'

/** What the cycles of a measurement share. */
export interface Session {
  readonly link: Link
  readonly start: StartSettings
  readonly signal?: AbortSignal
}

/** An arm with what its samples are taken of and with. */
export interface ArmTarget extends StagedArm {
  readonly runtime: OpenRuntime
}

/** @param workspace empty */
export function newCycle(
  { link, start, signal }: Session,
  { kind, staged: { image, layers, name } }: ArmTarget,
  workspace: Workspace,
): Cycle {
  // Caches go by an image's name: they hold nothing under a name that was never used.
  const prefix = `s${randomBytes(6).toString('hex')}`
  return {
    kind,
    image,
    layers,
    host: link.host,
    name: `${prefix}/${name}`,
    workspace,
    start,
    async begin() {
      signal?.throwIfAborted()
      await dropPageCache()
      await link.begin(prefix)
    },
    requests: () => link.requests(),
    ...(signal && { signal }),
  }
}
