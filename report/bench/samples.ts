/** Takes every sample of a measurement, arms in turn, and keeps those taken so far when it is interrupted. */
import { setTimeout as sleep } from 'node:timers/promises'
import { epochMs } from '../../system/clock.ts'
import { createWorkspace } from '../../system/workspace.ts'
import type { ArmTarget, Session } from './cycle.ts'
import type { Bench, BenchSample } from './file.ts'
import { attribute } from './link/traffic.ts'
import { type Taken, type Turn, type TurnsProgress, turnsProgress } from './schedule.ts'

export interface SampleListeners {
  /** called before each sample: which it is, and how far that is */
  readonly onProgress?: (progress: { readonly doing: string; readonly turns: TurnsProgress }) => void
  /** called after each sample with all samples so far, to save them */
  readonly onSample?: (bench: Bench) => Promise<void>
}

/**
 * @param bench without samples
 * @returns with them; fewer than requested when the session's signal ended it
 * @throws what a pull or start throws; the signal's reason when it aborts before the first sample
 */
export async function takeSamples(
  bench: Bench,
  turns: readonly Turn<ArmTarget>[],
  session: Session,
  { onProgress, onSample }: SampleListeners,
): Promise<Bench> {
  const taken: Taken[] = []
  let soFar = bench
  for (const turn of turns) {
    onProgress?.({ doing: turn.label, turns: turnsProgress(turns, taken) })
    const began = performance.now()
    try {
      const sample = await takeSample(session, turn)
      taken.push({ arm: turn.target.id, ms: performance.now() - began })
      if (turn.round < 0) continue
      soFar = { ...soFar, samples: [...soFar.samples, sample] }
      await onSample?.({ ...soFar, interrupted: taken.length < turns.length })
    } catch (error) {
      if (!session.signal?.aborted || soFar.samples.length === 0) throw error
      return { ...soFar, interrupted: true }
    }
  }
  return soFar
}

/** A fresh workspace, nothing cached, a pull and a start, and what the link recorded of it. */
async function takeSample(
  session: Session,
  { target, round, watchMs }: Turn<ArmTarget>,
): Promise<BenchSample> {
  const { signal } = session
  await using workspace = await createWorkspace()
  const cycle = session.newCycle(target, workspace)
  await using prepared = await target.runtime.prepareCycle(cycle)
  await cycle.begin()
  await using started = await prepared.run()
  if (watchMs > 0) await sleep(watchMs, undefined, { ...(signal && { signal }) })
  const watchedUntil = watchMs > 0 ? epochMs() : started.marks.ends.ready
  const measured = attribute(await cycle.requests(), started.marks, cycle.layers, watchedUntil)
  return { arm: target.id, round, ...measured, unpack: [...started.unpack] }
}
