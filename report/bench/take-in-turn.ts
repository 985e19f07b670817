/** Takes every sample of a measurement, arms in turn, and keeps those taken so far when it is interrupted. */
import type { Bench } from './file.ts'
import { type ArmTarget, type Session, takeSample } from './sample.ts'
import { type ScheduleRequest, schedule, type Taken, type TurnsProgress, turnsProgress } from './schedule.ts'

export interface TakeRequest extends ScheduleRequest {
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
export async function takeInTurn(
  bench: Bench,
  targets: readonly ArmTarget[],
  session: Session,
  request: TakeRequest,
): Promise<Bench> {
  const turns = schedule(targets, request)
  const taken: Taken[] = []
  let soFar = bench
  for (const turn of turns) {
    request.onProgress?.({ doing: turn.label, turns: turnsProgress(turns, taken) })
    const began = performance.now()
    try {
      const sample = await takeSample(session, turn)
      taken.push({ arm: turn.target.id, ms: performance.now() - began })
      if (turn.round < 0) continue
      soFar = { ...soFar, samples: [...soFar.samples, sample] }
      await request.onSample?.({ ...soFar, interrupted: taken.length < turns.length })
    } catch (error) {
      if (!session.signal?.aborted || soFar.samples.length === 0) throw error
      return { ...soFar, interrupted: true }
    }
  }
  return soFar
}
