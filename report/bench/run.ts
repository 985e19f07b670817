/**
 * A measurement from its request to its file: stages the images, takes every sample from nothing cached, arms in
 * turn, and keeps the samples taken so far when it is interrupted.
 */
import { createWorkspace } from '../../system/workspace.ts'
import { sweep } from '../../tracer/cleanup.ts'
import { type Arm, type ArmRequest, planArms } from './arms.ts'
import { BENCH_VERSION, type Bench } from './file.ts'
import { startLink } from './link/link.ts'
import { describeMachine, dropPageCache, programVersions } from './machine.ts'
import { readyText } from './ready-text.ts'
import { type OpenRuntimes, openRuntimes, sweepers } from './runtime/index.ts'
import type { RuntimeRequest } from './runtime/types.ts'
import { type ArmTarget, type Session, takeAudit, takeSample } from './sample.ts'
import { type Rounds, schedule, type Turn, timeLeft } from './schedule.ts'
import { openStage, type Stage, type StageRequest } from './stage/stage.ts'

export interface BenchProgress {
  /** what is being done, in a few words */
  readonly doing: string
  /** while samples are taken */
  readonly turn?: { readonly done: number; readonly total: number; readonly leftMs?: number }
}

export interface BenchRequest extends ArmRequest, StageRequest, RuntimeRequest {
  readonly rounds: Rounds
  /** ms to record requests after ready; without: once an arm, if its runtime fetches in the background */
  readonly watchMs?: number
  /** for the file */
  readonly made: {
    /** name and version */
    readonly tool: string
    /** what to type to measure again; without secrets */
    readonly command: string
  }
  readonly onProgress?: (progress: BenchProgress) => void
  /** called after each sample with all samples so far, to save them */
  readonly onSample?: (bench: Bench) => Promise<void>
}

/**
 * @returns what was measured; fewer samples than requested when `signal` ended it
 * @throws HeadstartError E_ARMS, E_RUNTIME, E_NOT_ESTARGZ, and whatever pulling and starting throws; the signal's reason when it
 * aborts before the first sample
 */
export async function runBench(request: BenchRequest): Promise<Bench> {
  const say = (doing: string) => request.onProgress?.({ doing })
  const arms = planArms(request)
  await sweep(sweepers)
  await using workspace = await createWorkspace()
  await using runtimes = await openRuntimes(arms, request, workspace)
  for (const { chosen } of runtimes.all) if (chosen !== undefined) say(`measuring with ${chosen}`)
  await using stage = await openStage(request, {
    keys: new Set(arms.map(({ image }) => image)),
    workspace,
    onImage: (key) => say(`preparing the ${key} image`),
  })
  await using link = await startLink(stage.host, request.link)
  const session = { link, start: request.start, ...(request.signal && { signal: request.signal }) }
  const targets = targetsOf(arms, runtimes, stage)
  const measured = await takeAll(
    await emptyBench(targets, runtimes, stage, request),
    targets,
    session,
    request,
  )
  const audited = targets.find(({ kind }) => kind === 'optimized')
  if (!request.audit || measured.interrupted || !audited) return measured
  say('auditing the zone')
  return { ...measured, audit: await takeAudit(session, audited) }
}

const targetsOf = (arms: readonly Arm[], runtimes: OpenRuntimes, stage: Stage): ArmTarget[] =>
  arms.flatMap((arm) => {
    const staged = stage.images.get(arm.image)
    return staged ? [{ ...arm, staged, runtime: runtimes.of(arm) }] : []
  })

/** The measurement before its first sample: what is measured, and how. */
async function emptyBench(
  targets: readonly ArmTarget[],
  { all }: OpenRuntimes,
  { images }: Stage,
  { made, link, start, rounds }: BenchRequest,
): Promise<Bench> {
  const containerd = all.find(({ name }) => name === 'containerd')?.chosen
  const [tool = made.tool, version = ''] = made.tool.split(' ')
  return {
    version: BENCH_VERSION,
    tool: made.tool,
    startedAt: new Date().toISOString(),
    interrupted: false,
    link,
    machine: await describeMachine(),
    versions: { [tool]: version, node: process.versions.node, ...(await programVersions(all)) },
    ...(containerd !== undefined && { containerd }),
    readiness: readyText(start.ready),
    command: made.command,
    warmups: rounds.warmups,
    pageCacheDropped: await dropPageCache(),
    images: Object.fromEntries([...images].map(([key, { facts }]) => [key, facts])),
    arms: targets.map(({ id, kind, image, runtime }) => ({ id, kind, image, runtime: runtime.name })),
    samples: [],
  }
}

async function takeAll(
  bench: Bench,
  targets: readonly ArmTarget[],
  session: Session,
  request: BenchRequest,
): Promise<Bench> {
  const turns = schedule(targets, request.rounds)
  const taken: Taken[] = []
  let soFar = bench
  for (const turn of turns) {
    request.onProgress?.(progressOf(turn, turns, taken))
    const began = performance.now()
    try {
      const watchMs = request.watchMs ?? backgroundMs(turn, request.rounds)
      const sample = await takeSample(session, turn.target, { round: turn.round, watchMs })
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

/** A snapshotter begins after 5 seconds without requests. */
const BACKGROUND_MS = 10_000

/** The last sample of an arm is enough: watching all of them would take longer than measuring. */
function backgroundMs({ target: { kind, runtime }, round }: Turn<ArmTarget>, { samples }: Rounds): number {
  const hasBackground = runtime.name === 'containerd' && kind !== 'legacy'
  return hasBackground && round === samples - 1 ? BACKGROUND_MS : 0
}

interface Taken {
  readonly arm: string
  readonly ms: number
}

function progressOf(
  { target, round }: Turn<ArmTarget>,
  turns: readonly Turn<ArmTarget>[],
  taken: readonly Taken[],
): BenchProgress {
  const leftMs = timeLeft(turns, taken)
  return {
    doing: round < 0 ? `${target.id}, warm-up` : `${target.id}, sample ${round + 1}`,
    turn: { done: taken.length, total: turns.length, ...(leftMs !== undefined && { leftMs }) },
  }
}
