/** What every cold pull and start has, for a sample or for the audit: a name that was never used before, and nothing cached. */
import { randomBytes } from 'node:crypto'
import type { Workspace } from '../../system/workspace.ts'
import type { Link } from './link/link.ts'
import { dropPageCache } from './machine.ts'
import type { Cycle, OpenRuntime } from './runtime/types.ts'
import type { StagedArm } from './stage/stage.ts'

/** What the cycles of a measurement share, and the making of one. */
export interface Session {
  readonly signal?: AbortSignal
  /** @param workspace empty */
  newCycle(target: ArmTarget, workspace: Workspace): Cycle
}

/** An arm with what its samples are taken of and with. */
export interface ArmTarget extends StagedArm {
  readonly runtime: OpenRuntime
}

export const createSession = (link: Link, signal?: AbortSignal): Session => ({
  ...(signal && { signal }),
  newCycle({ kind, staged: { image, layers, name } }, workspace) {
    // Caches go by an image's name: they hold nothing under a name that was never used.
    const prefix = `s${randomBytes(6).toString('hex')}`
    return {
      kind,
      image,
      layers,
      host: link.host,
      name: `${prefix}/${name}`,
      workspace,
      async begin() {
        signal?.throwIfAborted()
        await dropPageCache()
        await link.begin(prefix)
      },
      requests: () => link.requests(),
      ...(signal && { signal }),
    }
  },
})
