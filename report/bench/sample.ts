/** One sample: a fresh workspace, nothing cached, a pull and a start, and what the link recorded of it. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { epochMs } from '../../system/clock.ts'
import { createWorkspace, type Workspace } from '../../system/workspace.ts'
import type { Arm } from './arms.ts'
import { auditStart } from './audit.ts'
import type { BenchAudit, BenchSample } from './file.ts'
import type { Link } from './link/link.ts'
import { attribute } from './link/traffic.ts'
import { dropPageCache } from './machine.ts'
import type { Cycle, OpenRuntime, StartSettings } from './runtime/types.ts'
import type { Turn } from './schedule.ts'
import type { StagedImage } from './stage/stage.ts'

/** What the samples of a measurement share. */
export interface Session {
  readonly link: Link
  readonly start: StartSettings
  readonly signal?: AbortSignal
}

/** An arm with what its samples are taken of and with. */
export interface ArmTarget extends Arm {
  readonly staged: StagedImage
  readonly runtime: OpenRuntime
  /** what a sample may take, before one was taken */
  readonly guessMs: number
}

export async function takeSample(
  session: Session,
  { target, round, watchMs }: Turn<ArmTarget>,
): Promise<BenchSample> {
  const { link, signal } = session
  await using workspace = await createWorkspace()
  const prefix = newPrefix()
  const cycle = cycleOf(session, target, prefix, workspace)
  await using prepared = await target.runtime.prepare(cycle)
  await startClean(session, prefix)
  await using started = await prepared.run()
  if (watchMs > 0) await sleep(watchMs, undefined, { ...(signal && { signal }) })
  const watchedUntil = watchMs > 0 ? epochMs() : started.marks.ends.ready
  const measured = attribute(await link.requests(), started.marks, target.staged.layers, watchedUntil)
  return { arm: target.id, round, ...measured, unpack: [...started.unpack] }
}

/** One start of the optimized image on the recording mount, whatever runtime the samples were taken with. */
export async function takeAudit(session: Session, target: ArmTarget): Promise<BenchAudit> {
  await using workspace = await createWorkspace()
  const prefix = newPrefix()
  await startClean(session, prefix)
  const cycle = cycleOf(session, target, prefix, workspace)
  return await auditStart(cycle, target.staged.facts.files ?? [])
}

/** Caches go by an image's name: they hold nothing under a name that was never used. */
const newPrefix = (): string => `s${randomBytes(6).toString('hex')}`

async function startClean({ link, signal }: Session, prefix: string): Promise<void> {
  signal?.throwIfAborted()
  await dropPageCache()
  await link.begin(prefix)
}

const cycleOf = (
  { link, start, signal }: Session,
  { kind, staged }: ArmTarget,
  prefix: string,
  workspace: Workspace,
): Cycle => ({
  kind,
  image: staged.image,
  layers: staged.layers,
  host: link.host,
  name: `${prefix}/${staged.name}`,
  workspace,
  start,
  requests: () => link.requests(),
  ...(signal && { signal }),
})
