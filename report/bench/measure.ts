/** One sample: a fresh workspace, nothing cached, a pull and a start, and what the link saw of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Image } from '../../image/types.ts'
import { createWorkspace, type Workspace } from '../../image/workspace.ts'
import { auditStart } from './audit.ts'
import { epochMs } from './clock.ts'
import type { ArmKind, BenchAudit, BenchFile, BenchSample } from './file.ts'
import type { Link } from './link.ts'
import { dropPageCache } from './machine.ts'
import type { LayerPlan } from './requests.ts'
import type { Cycle, Runtime, StartSettings } from './runtime/types.ts'
import { attribute } from './traffic.ts'

export interface ArmTarget {
  readonly id: string
  readonly kind: ArmKind
  readonly image: Image
  readonly zones: readonly LayerPlan[]
  readonly runtime: Runtime
  /** `name:tag` behind the link */
  readonly name: string
}

export interface SampleOptions {
  readonly link: Link
  readonly start: StartSettings
  readonly watchMs: number
  readonly signal?: AbortSignal | undefined
}

export async function takeSample(
  target: ArmTarget,
  round: number,
  options: SampleOptions,
): Promise<BenchSample> {
  const { link, watchMs, signal } = options
  await using workspace = await createWorkspace()
  const cycle = cycleOf(target, workspace, options)
  await using ready = await target.runtime.prepare(cycle)
  await startClean(options)
  await using started = await ready.run()
  if (watchMs > 0) await sleep(watchMs, undefined, { ...(signal && { signal }) })
  const watchedUntil = watchMs > 0 ? epochMs() : started.marks.ends.ready
  const measured = attribute(await link.requests(), started.marks, target.zones, watchedUntil)
  return { arm: target.id, round, ...measured, unpack: [...started.unpack] }
}

/** One start of the optimized image on the recording mount, whatever runtime the samples were taken with. */
export async function takeAudit(
  target: ArmTarget,
  files: readonly BenchFile[],
  options: SampleOptions,
): Promise<BenchAudit> {
  await using workspace = await createWorkspace()
  await startClean(options)
  return await auditStart(cycleOf(target, workspace, options), files)
}

async function startClean({ link, signal }: SampleOptions): Promise<void> {
  signal?.throwIfAborted()
  await dropPageCache()
  await link.forget()
}

const cycleOf = (target: ArmTarget, workspace: Workspace, { link, start, signal }: SampleOptions): Cycle => ({
  kind: target.kind,
  image: target.image,
  zones: target.zones,
  host: link.host,
  name: target.name,
  workspace,
  start,
  requests: () => link.requests(),
  signal,
})
