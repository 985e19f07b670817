/**
 * A measurement from its request to its file: chooses the arms, opens runtimes, stages the images next to the link, has the samples
 * taken in turn, and audits the zone.
 */
import { createWorkspace } from '../../system/workspace.ts'
import { sweep } from '../../tracer/cleanup.ts'
import { readyText } from '../../tracer/container/readiness/ready-text.ts'
import { type Arm, type ArmRequest, planArms } from './arms.ts'
import { auditStart } from './audit.ts'
import type { ArmTarget } from './cycle.ts'
import { BENCH_VERSION, type Bench } from './file.ts'
import { startLink } from './link/link.ts'
import { describeMachine, dropPageCache, programVersions } from './machine.ts'
import { openRuntimes, sweepers } from './runtime/index.ts'
import type { RuntimeRequest } from './runtime/types.ts'
import { takeSamples } from './samples.ts'
import type { Rounds, ScheduleRequest, TurnsProgress } from './schedule.ts'
import { openStage, type StageRequest } from './stage/stage.ts'

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
  request.onProgress?.(outlook(arms, request.rounds))
  await sweep(sweepers)
  await using workspace = await createWorkspace()
  await using runtimes = await openRuntimes(arms, request, workspace)
  for (const { chosen } of runtimes.all) if (chosen !== undefined) say(`measuring with ${chosen}`)
  const onImage = (key: string) => say(`preparing the ${key} image`)
  await using stage = await openStage(arms, request, { workspace, onImage })
  await using link = await startLink(stage.host, request.link)
  const session = { link, start: request.start, ...(request.signal && { signal: request.signal }) }
  const targets = stage.arms.map((arm) => ({ ...arm, runtime: runtimes.of(arm) }))
  const measured = await takeSamples(await emptyBench(targets, request), targets, session, request)
  const audited = targets.find(({ kind }) => kind === 'optimized')
  if (!request.audit || measured.interrupted || !audited) return measured
  say('auditing the zone')
  return { ...measured, audit: await auditStart(session, audited) }
}

function outlook(arms: readonly Arm[], { samples, warmups }: Rounds): BenchProgress {
  const each = samples + warmups
  return {
    doing: `${arms.length * each} samples of ${arms.map(({ id }) => id).join(', ')}`,
    guessMs: each * arms.reduce((sum, arm) => sum + arm.guessMs, 0),
  }
}

/** The measurement before its first sample: what is measured, and how. */
async function emptyBench(
  targets: readonly ArmTarget[],
  { made, link, start, rounds }: BenchRequest,
): Promise<Bench> {
  const runtimes = [...new Set(targets.map(({ runtime }) => runtime))]
  const containerd = runtimes.find(({ name }) => name === 'containerd')?.chosen
  const [tool = made.tool, version = ''] = made.tool.split(' ')
  return {
    version: BENCH_VERSION,
    tool: made.tool,
    startedAt: new Date().toISOString(),
    interrupted: false,
    link,
    machine: await describeMachine(),
    versions: { [tool]: version, node: process.versions.node, ...(await programVersions(runtimes)) },
    ...(containerd !== undefined && { containerd }),
    readiness: readyText(start.ready),
    command: made.command,
    warmups: rounds.warmups,
    pageCacheDropped: await dropPageCache(),
    images: Object.fromEntries(targets.map(({ image, staged }) => [image, staged.facts])),
    arms: targets.map(({ id, kind, image, runtime }) => ({ id, kind, image, runtime: runtime.name })),
    samples: [],
  }
}
