/**
 * A measurement from its request to its file: chooses the arms, opens runtimes, stages the images next to the link, has the samples
 * taken in turn, and audits the zone.
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
import { type ArmTarget, takeAudit } from './sample.ts'
import type { ScheduleRequest, TurnsProgress } from './schedule.ts'
import { openStage, type Stage, type StageRequest } from './stage/stage.ts'
import { takeInTurn } from './take-in-turn.ts'
import { guessMs } from './time-left.ts'

export interface BenchProgress {
  /** what is being done, in a few words */
  readonly doing: string
  /** while samples are taken */
  readonly turns?: TurnsProgress
  /** said first of all: what all samples may take */
  readonly guessMs?: number
}

export interface BenchRequest extends ArmRequest, StageRequest, RuntimeRequest, ScheduleRequest {
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
  request.onProgress?.(outlook(arms, request))
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
  const targets = targetsOf(arms, runtimes, stage, request)
  const empty = await emptyBench(targets, runtimes, stage, request)
  const measured = await takeInTurn(empty, targets, session, request)
  const audited = targets.find(({ kind }) => kind === 'optimized')
  if (!request.audit || measured.interrupted || !audited) return measured
  say('auditing the zone')
  return { ...measured, audit: await takeAudit(session, audited) }
}

function targetsOf(
  arms: readonly Arm[],
  runtimes: OpenRuntimes,
  stage: Stage,
  { images, link }: BenchRequest,
): ArmTarget[] {
  return arms.flatMap((arm) => {
    const staged = stage.images.get(arm.image)
    return staged ? [{ ...arm, staged, runtime: runtimes.of(arm), guessMs: guessMs(arm, images, link) }] : []
  })
}

function outlook(arms: readonly Arm[], { images, link, rounds }: BenchRequest): BenchProgress {
  const each = rounds.samples + rounds.warmups
  return {
    doing: `${arms.length * each} samples of ${arms.map(({ id }) => id).join(', ')}`,
    guessMs: each * arms.reduce((sum, arm) => sum + guessMs(arm, images, link), 0),
  }
}

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
