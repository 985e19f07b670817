/**
 * A measurement from its request to its file: chooses the arms, opens runtimes, stages the images next to the link, has the samples
 * taken in turn, and audits the zone.
 */
import { TOC_DIGEST_ANNOTATION } from '../../image/estargz/format/toc.ts'
import { inEngine } from '../../image/location.ts'
import { HeadstartError } from '../../system/errors.ts'
import { createWorkspace } from '../../system/workspace.ts'
import { sweep } from '../../tracer/cleanup.ts'
import { readyText } from '../../tracer/container/readiness/ready-text.ts'
import { type Arm, type ArmRequest, type GivenImages, givenFor, planArms } from './arms.ts'
import { auditStart } from './audit.ts'
import { type ArmTarget, createSession } from './cycle.ts'
import { BENCH_VERSION, type Bench } from './file.ts'
import { startLink } from './link/link.ts'
import { describeMachine, dropPageCache, programVersions } from './machine.ts'
import { openRuntimes, sweepers } from './runtime/index.ts'
import { createStarter } from './runtime/start.ts'
import type { RuntimeChoice, StartSettings } from './runtime/types.ts'
import { type SampleListeners, takeSamples } from './samples.ts'
import { type Rounds, type ScheduleRequest, schedule, type TurnsProgress } from './schedule.ts'
import type { RegistryAccess } from './stage/origin-order.ts'
import { openStage } from './stage/stage.ts'

export interface BenchProgress {
  /** what is being done, in a few words */
  readonly doing: string
  /** while samples are taken */
  readonly turns?: TurnsProgress
  /** said first of all: what all samples may take */
  readonly guessMs?: number
}

export interface BenchRequest extends ArmRequest, ScheduleRequest, SampleListeners {
  readonly runtime: RuntimeChoice
  readonly start: StartSettings
  /** how to run headstart itself, for the runtime that does */
  readonly headstart?: readonly string[]
  readonly signal?: AbortSignal
  /** of the registry that images are pulled from directly when the link is not shaped */
  readonly registry?: RegistryAccess
  /** for the file */
  readonly made: Made
  readonly onProgress?: (progress: BenchProgress) => void
}

interface Made {
  /** name and version */
  readonly tool: string
  /** what to type to measure again; without secrets */
  readonly command: string
}

/**
 * @returns what was measured; fewer samples than requested when `signal` ended it
 * @throws HeadstartError E_ARMS, E_RUNTIME, E_NOT_ESTARGZ, and whatever pulling and starting throws; the signal's reason when it
 * aborts before the first sample
 */
export async function runBench(images: GivenImages, request: BenchRequest): Promise<Bench> {
  const { link: shape, runtime, start, rounds, registry = {}, signal, onProgress } = request
  const say = (doing: string) => onProgress?.({ doing })
  const arms = planArms(images, request)
  onProgress?.(outlook(arms, rounds))
  const starter = createStarter(start)
  const given = { ...(signal && { signal }), ...(request.headstart && { headstart: request.headstart }) }
  await sweep(sweepers)
  await using workspace = await createWorkspace()
  await using runtimes = await openRuntimes(arms, { ...given, runtime, starter }, workspace)
  refusePlain(
    images,
    arms.filter((arm) => ['builtin', 'run'].includes(runtimes.of(arm).name)),
  )
  for (const { chosen } of runtimes.all) if (chosen !== undefined) say(`measuring with ${chosen}`)
  const onImage = (key: string) => say(`preparing the ${key} image`)
  await using stage = await openStage(images, arms, {
    workspace,
    registry,
    onImage,
    usesProfiles: (arm) => runtimes.of(arm).usesProfiles ?? false,
    ...(signal && { signal }),
  })
  const targets = stage.arms.map((arm) => ({ ...arm, runtime: runtimes.of(arm) }))
  await using link = await startLink(stage.host, shape)
  const session = createSession(link, signal)
  const empty = await withoutSamples(targets, {
    ...request.made,
    link: shape,
    readiness: readyText(start.ready),
    warmups: rounds.warmups,
  })
  const measured = await takeSamples(empty, schedule(targets, request), session, request)
  const audited = targets.find(({ kind }) => kind === 'optimized')
  if (!request.audit || measured.interrupted || !audited) return measured
  say('auditing the zone')
  return { ...measured, audit: await auditStart(session, audited, starter) }
}

function outlook(arms: readonly Arm[], { samples, warmups }: Rounds): BenchProgress {
  const each = samples + warmups
  return {
    doing: `${arms.length * each} samples of ${arms.map(({ id }) => id).join(', ')}`,
    guessMs: each * arms.reduce((sum, arm) => sum + arm.guessMs, 0),
  }
}

/** The built-in mount reads layers whose table of contents the manifest names; a minute of preparing others would be for nothing. */
function refusePlain(images: GivenImages, arms: readonly Arm[]): void {
  for (const arm of arms) {
    const { manifest, reference } = givenFor(images, arm)
    const isEstargz = manifest.layers.every(
      ({ annotations }) => annotations?.[TOC_DIGEST_ANNOTATION] !== undefined,
    )
    if (arm.kind === 'legacy' || arm.kind === 'lazy' || isEstargz) continue
    throw new HeadstartError('E_NOT_ESTARGZ', `${reference} can't be pulled lazily: it is not eStargz`, {
      hint:
        inEngine(reference) ??
        'Give the original image first, then the one that headstart optimize made from it',
    })
  }
}

/** The measurement before its first sample: what is measured, and how. */
async function withoutSamples(
  targets: readonly ArmTarget[],
  how: Made & Pick<Bench, 'link' | 'readiness' | 'warmups'>,
): Promise<Bench> {
  const runtimes = [...new Set(targets.map(({ runtime }) => runtime))]
  const containerd = runtimes.find(({ name }) => name === 'containerd')?.chosen
  const [tool = how.tool, version = ''] = how.tool.split(' ')
  return {
    version: BENCH_VERSION,
    ...how,
    startedAt: new Date().toISOString(),
    interrupted: false,
    machine: await describeMachine(),
    versions: { [tool]: version, node: process.versions.node, ...(await programVersions(runtimes)) },
    ...(containerd !== undefined && { containerd }),
    pageCacheDropped: await dropPageCache(),
    images: Object.fromEntries(targets.map(({ image, staged }) => [image, staged.facts])),
    arms: targets.map(({ id, kind, image, runtime }) => ({ id, kind, image, runtime: runtime.name })),
    samples: [],
  }
}
