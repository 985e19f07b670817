/** One sample: a fresh workspace, nothing cached, a pull and a start, and what the link saw of it. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Image } from '../../image/types.ts'
import { epochMs } from '../../system/clock.ts'
import { createWorkspace, type Workspace } from '../../system/workspace.ts'
import { auditStart } from './audit.ts'
import type { ArmKind, BenchAudit, BenchFile, BenchSample } from './file.ts'
import type { Link } from './link/link.ts'
import type { LayerPlan } from './link/requests.ts'
import { attribute } from './link/traffic.ts'
import { dropPageCache } from './machine.ts'
import type { Cycle, OpenRuntime, StartSettings } from './runtime/types.ts'

export interface ArmTarget {
  readonly id: string
  readonly kind: ArmKind
  readonly image: Image
  readonly zones: readonly LayerPlan[]
  readonly runtime: OpenRuntime
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
  const prefix = newPrefix()
  const cycle = cycleOf(target, prefix, workspace, options)
  await using ready = await target.runtime.prepare(cycle)
  await startClean(prefix, options)
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
  const prefix = newPrefix()
  await startClean(prefix, options)
  return await auditStart(cycleOf(target, prefix, workspace, options), files)
}

/** Caches go by an image's name: under one that nobody has seen, none has anything. */
const newPrefix = (): string => `s${randomBytes(6).toString('hex')}`

async function startClean(prefix: string, { link, signal }: SampleOptions): Promise<void> {
  signal?.throwIfAborted()
  await dropPageCache()
  await link.begin(prefix)
}

const cycleOf = (
  target: ArmTarget,
  prefix: string,
  workspace: Workspace,
  { link, start, signal }: SampleOptions,
): Cycle => ({
  kind: target.kind,
  image: target.image,
  zones: target.zones,
  host: link.host,
  name: `${prefix}/${target.name}`,
  workspace,
  start,
  requests: () => link.requests(),
  signal,
})
