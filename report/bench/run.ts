/**
 * A measurement from its options to its file: brings the images behind the link, takes every sample from nothing cached, arms in
 * turn, and keeps what was taken when it is interrupted.
 */
import { HeadstartError } from '../../system/errors.ts'
import { createWorkspace } from '../../system/workspace.ts'
import { sweep } from '../../tracer/cleanup.ts'
import { type Arm, type ArmChoice, planArms } from './arms.ts'
import { type ArmKind, BENCH_VERSION, type Bench, type BenchArm, type BenchImage } from './file.ts'
import { type Link, startLink } from './link/link.ts'
import type { LayerPlan } from './link/requests.ts'
import { describeMachine, describeVersions, dropPageCache } from './machine.ts'
import { describeReady } from './ready-text.ts'
import { openRuntimes } from './runtime/index.ts'
import type { OpenRuntime, RuntimeName, StartSettings } from './runtime/types.ts'
import { type ArmTarget, takeAudit, takeSample } from './sample.ts'
import { schedule, type Turn, timeLeft } from './schedule.ts'
import { startOrigin } from './stage/origin.ts'
import { type BehindLink, describeAll, type ImageOptions, prepareImages, slug } from './stage/stage.ts'

export type { NamedImage } from './arms.ts'

export interface BenchProgress {
  /** what is being done, in a few words */
  readonly doing: string
  readonly done: number
  readonly total: number
  readonly leftMs: number | undefined
}

export interface BenchOptions extends ArmChoice, ImageOptions {
  readonly runtime: RuntimeName
  readonly samples: number
  readonly warmups: number
  readonly start: StartSettings
  /** ms to watch the link after ready, for what the background fetches; undefined: once an arm, where there is a background */
  readonly watchMs: number | undefined
  /** one more start of the optimized image, recorded: what its zone brought for nothing, and what it lacked */
  readonly audit?: boolean | undefined
  /** name and version */
  readonly tool: string
  /** what to type to measure again; without secrets */
  readonly command: string
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: BenchProgress) => void) | undefined
  /** after each sample, all so far: for who wants to keep them whatever happens */
  readonly onSample?: ((bench: Bench) => Promise<void>) | undefined
}

/**
 * @returns what was measured; fewer samples than asked for when `signal` ended it
 * @throws HeadstartError E_ARMS, E_RUNTIME, E_NOT_ESTARGZ, and whatever pulling and starting throws; the signal's reason when it
 * aborts before the first sample
 */
export async function runBench(options: BenchOptions): Promise<Bench> {
  const { signal } = options
  const arms = planArms(options)
  if (options.audit && !arms.some(({ kind }) => kind === 'optimized'))
    throw new HeadstartError('E_ARMS', 'an audit needs the optimized arm', {
      hint: 'Measure it: --arms legacy,optimized',
    })
  const say = (doing: string) => options.onProgress?.({ doing, done: 0, total: 0, leftMs: undefined })
  await sweep()
  await using workspace = await createWorkspace()
  await using opened = new AsyncDisposableStack()
  const runtimes = await openRuntimes(
    options.runtime,
    arms.map(({ kind }) => kind),
    { start: options.start, workspace, signal },
    opened,
  )
  const chosen = [...runtimes.values()].find((runtime) => runtime.chosen !== undefined)?.chosen
  if (chosen !== undefined) say(`measuring with ${chosen}`)
  const near = await prepareImages(
    new Set(arms.map(({ image }) => image)),
    options,
    { workspace, opened },
    (key) => say(`preparing the ${key} image`),
  )
  await using origin = await startOrigin(
    [...near].map(([key, { reference, image }]) => ({
      name: nameBehind(key),
      reference,
      platform: image.config.platform,
    })),
    options.registry,
  )
  await using link = await startLink(origin.host, options.link)
  const bench = await describeRun(arms, runtimes, near, options)
  const targets = targetsOf(arms, runtimes, near, bench.images)
  const measured = await takeAll(bench, targets, { ...options, link }, signal)
  return options.audit && !measured.interrupted
    ? await withAudit(measured, targets, { ...options, link })
    : measured
}

type Runtimes = ReadonlyMap<ArmKind, OpenRuntime>
type Near = ReadonlyMap<string, BehindLink>

/** The measurement before its first sample: all that is known of how and of what. */
async function describeRun(
  arms: readonly Arm[],
  runtimes: Runtimes,
  near: Near,
  options: BenchOptions,
): Promise<Bench> {
  const used = [...new Set(runtimes.values())]
  const containerd = used.find(({ name }) => name === 'containerd')?.chosen
  return {
    version: BENCH_VERSION,
    tool: options.tool,
    startedAt: new Date().toISOString(),
    interrupted: false,
    link: options.link,
    machine: await describeMachine(),
    versions: await describeVersions(options.tool, used),
    ...(containerd !== undefined && { containerd }),
    readiness: describeReady(options.start.ready),
    command: options.command,
    warmups: options.warmups,
    pageCacheDropped: await dropPageCache(),
    images: await describeAll(near, options.signal),
    arms: arms.map((arm): BenchArm => ({ ...arm, runtime: runtimes.get(arm.kind)?.name ?? 'builtin' })),
    samples: [],
  }
}

/** What each arm's samples are taken of, by its id. */
function targetsOf(
  arms: readonly Arm[],
  runtimes: Runtimes,
  near: Near,
  images: Bench['images'],
): Map<string, ArmTarget> {
  return new Map(
    arms.flatMap((arm): [string, ArmTarget][] => {
      const [image, runtime] = [near.get(arm.image)?.image, runtimes.get(arm.kind)]
      const zones = zonesOf(images[arm.image])
      return image && runtime
        ? [[arm.id, { ...arm, image, zones, runtime, name: nameBehind(arm.image) }]]
        : []
    }),
  )
}

const zonesOf = (image: BenchImage | undefined): LayerPlan[] =>
  (image?.layers ?? []).map(({ digest, size, zoneBytes, tocBytes }) => ({
    digest,
    size,
    zoneEnd: zoneBytes,
    tocOffset: size - tocBytes,
  }))

const nameBehind = (key: string): string => `bench/${slug(key)}:latest`

type LinkedOptions = Omit<BenchOptions, 'link'> & { readonly link: Link }

async function takeAll(
  bench: Bench,
  targets: ReadonlyMap<string, ArmTarget>,
  options: LinkedOptions,
  signal: AbortSignal | undefined,
): Promise<Bench> {
  const turns = schedule([...targets.keys()], options.samples, options.warmups)
  const taken: { arm: string; ms: number }[] = []
  let soFar = bench
  for (const turn of turns) {
    const target = targets.get(turn.arm)
    if (!target) continue
    options.onProgress?.(progressOf(turn, turns, taken))
    const began = performance.now()
    try {
      const sample = await takeSample(target, turn.round, {
        ...options,
        watchMs: watchFor(target, turn, options),
      })
      taken.push({ arm: turn.arm, ms: performance.now() - began })
      if (turn.round < 0) continue
      soFar = { ...soFar, samples: [...soFar.samples, sample] }
      await options.onSample?.({ ...soFar, interrupted: taken.length < turns.length })
    } catch (error) {
      if (!signal?.aborted || soFar.samples.length === 0) throw error
      return { ...soFar, interrupted: true }
    }
  }
  return soFar
}

/** A snapshotter begins 5 idle seconds after the last request. */
const BACKGROUND_MS = 10_000

/** The last sample tells; to watch every one would take longer than to measure. */
function watchFor(
  { kind, runtime }: ArmTarget,
  { round }: Turn,
  { watchMs, samples }: LinkedOptions,
): number {
  const hasBackground = runtime.name === 'containerd' && kind !== 'legacy'
  return watchMs ?? (hasBackground && round === samples - 1 ? BACKGROUND_MS : 0)
}

async function withAudit(
  bench: Bench,
  targets: ReadonlyMap<string, ArmTarget>,
  options: LinkedOptions,
): Promise<Bench> {
  const target = targets.get('optimized')
  if (!target) return bench
  options.onProgress?.({ doing: 'auditing the zone', done: 0, total: 0, leftMs: undefined })
  return {
    ...bench,
    audit: await takeAudit(target, bench.images.optimized?.files ?? [], { ...options, watchMs: 0 }),
  }
}

function progressOf(
  turn: Turn,
  turns: readonly Turn[],
  taken: readonly { arm: string; ms: number }[],
): BenchProgress {
  return {
    doing: turn.round < 0 ? `${turn.arm}, warm-up` : `${turn.arm}, sample ${turn.round + 1}`,
    done: taken.length,
    total: turns.length,
    leftMs: timeLeft(turns, taken),
  }
}
