/**
 * A measurement from its options to its file: brings the images behind the link, takes every sample from nothing cached, arms in
 * turn, and keeps what was taken when it is interrupted.
 */
import { HeadstartError } from '../../image/errors.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import type { Image } from '../../image/types.ts'
import { createWorkspace, type Workspace } from '../../image/workspace.ts'
import { DEFAULT_OPTIONS } from '../../optimizer/options.ts'
import { rebuildImage } from '../../optimizer/rebuild.ts'
import { sweep } from '../../tracer/cleanup.ts'
import { describeImage } from './describe.ts'
import {
  type ArmKind,
  BENCH_VERSION,
  type Bench,
  type BenchArm,
  type BenchImage,
  type BenchLink,
} from './file.ts'
import { type Link, startLink } from './link.ts'
import { describeMachine, describeVersions, dropPageCache } from './machine.ts'
import { type ArmTarget, takeAudit, takeSample } from './measure.ts'
import { bringNear } from './near.ts'
import { startOrigin } from './origin.ts'
import { endOrphans } from './orphans.ts'
import type { LayerPlan } from './requests.ts'
import { chooseRuntime } from './runtime/index.ts'
import type { RuntimeName, StartSettings } from './runtime/types.ts'
import { schedule, type Turn, timeLeft } from './schedule.ts'

export interface NamedImage {
  readonly name: string
  readonly image: Image
}

export interface BenchProgress {
  /** what is being done, in a few words */
  readonly doing: string
  readonly done: number
  readonly total: number
  readonly leftMs: number | undefined
}

export interface BenchOptions {
  readonly original: Image
  readonly optimized: Image | undefined
  /** more to compare, each pulled lazily with whatever zone it has */
  readonly others: readonly NamedImage[]
  /** of `legacy`, `lazy`, `optimized` and the others' names; all when undefined */
  readonly arms: readonly string[] | undefined
  readonly runtime: RuntimeName
  readonly link: BenchLink
  readonly samples: number
  readonly warmups: number
  readonly start: StartSettings
  /** ms to watch the link after ready, for what the background fetches */
  readonly watchMs: number
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

interface Arm {
  readonly id: string
  readonly kind: ArmKind
  /** key of the file's `images` */
  readonly image: string
}

/** @throws HeadstartError E_ARMS: an arm that there is no image for, or none at all */
export function planArms(options: Pick<BenchOptions, 'optimized' | 'others' | 'arms'>): Arm[] {
  const all: Arm[] = [
    { id: 'legacy', kind: 'legacy', image: 'original' },
    { id: 'lazy', kind: 'lazy', image: 'lazy' },
    ...(options.optimized ? [{ id: 'optimized', kind: 'optimized', image: 'optimized' } as const] : []),
    ...options.others.map(({ name }) => ({ id: name, kind: 'other', image: name }) as const),
  ]
  const names = all.map(({ id }) => id)
  if (new Set([...names, 'original']).size <= names.length)
    throw new HeadstartError('E_ARMS', 'two images can’t have one name', {
      hint: `Taken: ${names.join(', ')}`,
    })
  const unknown = options.arms?.find((arm) => !names.includes(arm))
  if (unknown !== undefined)
    throw new HeadstartError('E_ARMS', `there is no arm named ${JSON.stringify(unknown)}`, {
      hint: `Choose of: ${names.join(', ')}`,
    })
  const chosen = all.filter(({ id }) => options.arms?.includes(id) ?? true)
  if (chosen.length === 0) throw new HeadstartError('E_ARMS', 'a measurement needs at least one arm')
  return chosen
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
  const runtimes = new Map(
    await Promise.all(
      arms.map(
        async (arm) => [arm.id, await chooseRuntime(options.runtime, arm.kind, options.start)] as const,
      ),
    ),
  )
  await endOrphans()
  await sweep()
  await using workspace = await createWorkspace()
  const near = await prepareImages(arms, options, workspace)
  await using origin = await startOrigin(
    Object.fromEntries([...near].map(([key, { reference }]) => [nameBehind(key), reference])),
  )
  await using link = await startLink(origin.host, options.link)
  const bench: Bench = {
    version: BENCH_VERSION,
    tool: options.tool,
    startedAt: new Date().toISOString(),
    interrupted: false,
    link: options.link,
    machine: await describeMachine(),
    versions: await describeVersions(
      options.tool,
      [...runtimes.values()].flatMap(({ programs }) => programs),
    ),
    readiness: describeReady(options.start.ready),
    command: options.command,
    warmups: options.warmups,
    pageCacheDropped: await dropPageCache(),
    images: Object.fromEntries(await describeAll(near, options)),
    arms: arms.map((arm): BenchArm => ({ ...arm, runtime: runtimes.get(arm.id)?.name ?? 'builtin' })),
    samples: [],
  }
  const targets = new Map(
    arms.flatMap((arm): [string, ArmTarget][] => {
      const [image, runtime] = [near.get(arm.image)?.image, runtimes.get(arm.id)]
      const zones = zonesOf(bench.images[arm.image])
      return image && runtime
        ? [[arm.id, { ...arm, image, zones, runtime, name: nameBehind(arm.image) }]]
        : []
    }),
  )
  const measured = await takeAll(bench, targets, { ...options, link }, signal)
  return options.audit && !measured.interrupted
    ? await withAudit(measured, targets, { ...options, link })
    : measured
}

const zonesOf = (image: BenchImage | undefined): LayerPlan[] =>
  (image?.layers ?? []).map(({ digest, size, zoneBytes, tocBytes }) => ({
    digest,
    size,
    zoneEnd: zoneBytes,
    tocOffset: size - tocBytes,
  }))

const nameBehind = (key: string): string => `bench/${key.toLowerCase().replace(/[^a-z0-9]+/g, '-')}:latest`

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
      const sample = await takeSample(target, turn.round, options)
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

async function withAudit(
  bench: Bench,
  targets: ReadonlyMap<string, ArmTarget>,
  options: LinkedOptions,
): Promise<Bench> {
  const target = targets.get('optimized')
  if (!target) return bench
  options.onProgress?.({ doing: 'auditing the zone', done: 0, total: 0, leftMs: undefined })
  return { ...bench, audit: await takeAudit(target, bench.images.optimized?.files ?? [], options) }
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

interface NearImage {
  readonly image: Image
  /** for `openSource` */
  readonly reference: string
  /** as the person named it */
  readonly called: string
}

/** Only what the arms need. */
async function prepareImages(
  arms: readonly Arm[],
  options: BenchOptions,
  workspace: Workspace,
): Promise<Map<string, NearImage>> {
  const given = new Map<string, Image>([
    ['original', options.original],
    ...(options.optimized ? [['optimized', options.optimized] as const] : []),
    ...options.others.map(({ name, image }) => [name, image] as const),
  ])
  const near = new Map<string, NearImage>()
  for (const key of new Set(arms.map(({ image }) => image))) {
    options.onProgress?.({ doing: `preparing the ${key} image`, done: 0, total: 0, leftMs: undefined })
    const image = given.get(key)
    const reference = image
      ? await bringNear(image, nameOf(key), workspace, options.signal)
      : await convertPlain(options.original, workspace, options.signal)
    await using source = await openSource(reference)
    near.set(key, { image: await source.image(), reference, called: (image ?? options.original).reference })
  }
  return near
}

const nameOf = (key: string): string => key.toLowerCase().replace(/[^a-z0-9]+/g, '-')

/** The original as eStargz without a zone: what lazy pulling alone gains. */
async function convertPlain(
  image: Image,
  workspace: Workspace,
  signal: AbortSignal | undefined,
): Promise<string> {
  const reference = `oci:${await workspace.sub('near')}/lazy:latest`
  await using target = await openTarget(reference)
  await target.prepare({ force: false })
  await rebuildImage({ image, target, startup: [], options: DEFAULT_OPTIONS, ...(signal && { signal }) })
  return reference
}

/** The one whose zone the report looks into lists its files. */
async function describeAll(near: ReadonlyMap<string, NearImage>, options: BenchOptions) {
  const subject = near.has('optimized') ? 'optimized' : 'lazy'
  return Promise.all(
    [...near].map(async ([key, { image, called }]) => {
      const described = await describeImage(image, key === subject, options.signal)
      return [key, { ...described, reference: called }] as const
    }),
  )
}

function describeReady(ready: StartSettings['ready']): string {
  switch (ready.by) {
    case 'log':
      return `a line of the output matches ${ready.pattern}`
    case 'http':
      return `${ready.url} answers${ready.status === undefined ? '' : ` with ${ready.status}`}`
    case 'tcp':
      return `port ${ready.port} takes connections`
    case 'exec':
      return `${ready.command.join(' ')} ends with 0`
    case 'health':
      return 'the healthcheck of the image passes'
    case 'exit':
      return 'the container ends with 0'
    case 'period':
      return `${ready.ms / 1000} s have passed`
  }
}
