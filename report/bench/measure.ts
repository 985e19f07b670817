/** One sample: a fresh workspace, nothing cached, a pull and a start, and what the link saw of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Image } from '../../image/types.ts'
import { createWorkspace } from '../../image/workspace.ts'
import { epochMs } from './clock.ts'
import type { ArmKind, BenchSample } from './file.ts'
import type { Link } from './link.ts'
import { dropPageCache } from './machine.ts'
import type { LayerPlan } from './requests.ts'
import type { Runtime, StartSettings } from './runtime/types.ts'
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
  { link, start, watchMs, signal }: SampleOptions,
): Promise<BenchSample> {
  signal?.throwIfAborted()
  await using workspace = await createWorkspace()
  await using ready = await target.runtime.prepare({
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
  await dropPageCache()
  await link.forget()
  await using started = await ready.run()
  if (watchMs > 0) await sleep(watchMs, undefined, { ...(signal && { signal }) })
  const watchedUntil = watchMs > 0 ? epochMs() : started.marks.ends.ready
  const measured = attribute(await link.requests(), started.marks, target.zones, watchedUntil)
  return { arm: target.id, round, ...measured, unpack: [...started.unpack] }
}
