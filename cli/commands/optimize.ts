/** `headstart optimize`: rebuild an image as eStargz, startup files first. */
import type { Command } from 'commander'
import { checkCurrent } from '../../image/current.ts'
import { giveTag, type Untagged } from '../../image/layers/external-toc.ts'
import { noPlace, refusalOf } from '../../image/referrers/attach.ts'
import type { Digest, Image, ImageSource, ImageTarget } from '../../image/types.ts'
import type { LayerMemory } from '../../optimizer/known/known-layers.ts'
import { rebuildImage } from '../../optimizer/rebuild/image.ts'
import { rebuildIndex } from '../../optimizer/rebuild/image-index.ts'
import { prepareTarget } from '../../optimizer/rebuild/toc-image.ts'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { ensureWritable } from '../../system/files/atomic-file.ts'
import { requireFuse } from '../../tracer/mount/mount.ts'
import { DEFAULT_NAME } from '../../tracer/trace/name.ts'
import { carryProfiles, pushTrace } from '../attached/carry.ts'
import { attachProvenance, type Made, signatureLine, writeMetadata } from '../attached/supply-chain.ts'
import type { CliContext } from '../context.ts'
import { type ImageFlags, sourceOf, targetOf } from '../flags/image.ts'
import {
  addOptimizeFlags,
  type OptimizeFlags,
  type OptimizeRequest,
  optimizeRequest,
} from '../flags/optimize.ts'
import { openMemory } from '../layer-memory.ts'
import { type Start, startOf } from '../optimize-start.ts'
import { leftBehind } from '../print/left-behind.ts'
import { printRebuilt, type Rebuilt, tocImageLine } from '../print/optimize-summary.ts'
import type { Output } from '../print/output.ts'
import { drawLayers } from '../print/transfers.ts'
import { sweepFirst } from '../sweeping.ts'

export function register(command: Command, context: CliContext): void {
  addOptimizeFlags(command).action(async (from: string, to: string, args: string[], flags: OptimizeFlags) => {
    const request = await optimizeRequest(args, flags)
    if (request.start.from && 'record' in request.start.from) await requireFuse()
    await sweepFirst()
    await optimize({ from, to, access: flags }, request, context)
  })
}

const UNPACKED = 'the Docker engine unpacks whole layers: only runtimes that pull lazily benefit from eStargz'

/** Which images, and how they are reached. */
interface GivenImages {
  readonly from: string
  readonly to: string
  readonly access: ImageFlags
}

async function optimize(
  { from, to, access }: GivenImages,
  request: OptimizeRequest,
  context: CliContext,
): Promise<void> {
  const { options } = request
  const output = context.output(request.print.json)
  await using source = await sourceOf(from, access, context, output)
  const image = await source.image(access.platform)
  await using target = await targetOf(to, access, context, output)
  const signal = context.interrupts.abort
  const beforeTag = await currentCheck({ source, image, ...request }, target, signal)
  if ((request.provenance || request.pushProfile) && !target.putReferrer) throw noPlace(target.name)
  if (request.metadataFile !== undefined) await ensureWritable(request.metadataFile)
  await prepareTarget(target, options, { force: request.replaceTarget })
  if (target.name.startsWith('docker-daemon:')) output.note(UNPACKED)
  const before = request.replaceTarget ? await target.replaced?.() : undefined
  await using remembered = await openMemory(request.cache, context)
  const start = await startOf({ source, image, access }, request.start, context, output)
  if (!request.allPlatforms)
    output.note(leftBehind(await source.index(), image, 'use --all-platforms to rebuild the whole index'))
  const material = { source, image, target, start, memory: remembered.memory }
  const results = await rebuild(material, request, context, output)
  output.done()
  const done = { ...results, source, target, image, start }
  const refused = await attachAll(done, request, context, output)
  await beforeTag?.()
  await giveTag(target, results, signal)
  await conclude(done, before, { ...request, signal }, output)
  if (refused) throw refused
}

interface Done extends Results, Material {}

/** @returns why something that was asked for was refused: the image is given its name all the same */
async function attachAll(
  { images: rebuilt, ...done }: Done,
  request: OptimizeRequest,
  context: CliContext,
  output: Output,
): Promise<HeadstartError | undefined> {
  const { attached, borrowed, trace, profiles } = done.start
  const signal = context.interrupts.abort
  const isCarried = profiles.length > 0 // under the names that they have
  const name = isCarried ? undefined : request.pushProfile
  const lost = await carryProfiles({ ...done, rebuilt, attached, borrowed, except: name }, signal, output)
  const isAsked = isCarried && request.pushProfile !== undefined
  if (isAsked && request.pushProfile !== DEFAULT_NAME)
    output.warn('--name has no effect here: the profiles that were attached keep their names')
  if (lost && !isAsked) output.warn(`the attached profiles were not carried on: ${messageOf(lost)}`)
  const refused = await refusalOf(async () => {
    if (trace && name !== undefined) await pushTrace({ ...done, rebuilt }, { trace, name }, signal, output)
    const { options, start } = request
    if (request.provenance) await attachProvenance(done, trace, { options, ...start }, context)
  }, signal)
  return refused ?? (isAsked ? lost : undefined)
}

/** @param before what the target's name stood for; undefined: nothing, or it isn't known */
async function conclude(
  { images, index, start, ...result }: Done,
  before: Digest | undefined,
  { print, metadataFile, signal }: OptimizeRequest & { readonly signal: AbortSignal },
  output: Output,
): Promise<void> {
  const { target, root } = result
  for (const each of images) printRebuilt(each, { ...start, target: target.name, index }, print, output)
  if (before !== undefined && before !== root.to.digest) output.note(`${target.name} was ${before} before`)
  for (const line of await signatureLine(result, signal)) output.warn(line)
  if (metadataFile !== undefined) await writeMetadata(metadataFile, result)
}

interface Reading {
  readonly source: ImageSource
  readonly image: Image
  readonly ifCurrent: boolean
}

/**
 * What makes sure that the source's tag still names what was read: where it is asked for, and where that very tag is replaced.
 * @throws HeadstartError E_SUPERSEDED, E_USAGE
 */
async function currentCheck(
  { source, image, ifCurrent }: Reading,
  target: ImageTarget,
  signal: AbortSignal,
): Promise<(() => Promise<void>) | undefined> {
  const isInPlace = source.name.replace(/@sha256:[0-9a-f]{64}$/, '') === target.name
  if (ifCurrent && !source.current)
    throw new HeadstartError('E_USAGE', `--if-current: ${source.name} is not a tag of a registry`)
  if (!source.current || !(ifCurrent || isInPlace)) return undefined
  const { digest } = (await source.index())?.descriptor ?? image.descriptor
  const check = () => checkCurrent(source, digest, signal)
  await check()
  return check
}

interface Material {
  readonly source: ImageSource
  readonly image: Image
  readonly target: ImageTarget
  readonly start: Start
}

interface Results extends Untagged {
  readonly images: readonly Rebuilt[]
  /** what gets the target's name */
  readonly root: Made
  /** `root` among them */
  readonly made: readonly Made[]
  /** where all platforms were rebuilt: what has the target's name */
  readonly index?: Digest
}

async function rebuild(
  { source, image, target, start, memory }: Material & { readonly memory: LayerMemory | undefined },
  { options, limits, allPlatforms }: Pick<OptimizeRequest, 'options' | 'limits' | 'allPlatforms'>,
  context: CliContext,
  output: Output,
): Promise<Results> {
  const common = {
    target,
    startup: start.startup,
    recorded: start.trace?.image.diffIds,
    options,
    limits,
    memory,
    signal: context.interrupts.abort,
    onProgress: drawLayers(output),
  }
  if (!allPlatforms) {
    const summary = await rebuildImage({ ...common, image, tagged: false })
    const root = { from: image.descriptor, to: summary.manifest }
    return { ...summary, images: [{ image, summary }], root, made: [root] }
  }
  const index = await source.index()
  if (!index)
    throw new HeadstartError('E_USAGE', `${source.name} is a single image, not an index`, {
      hint: 'Leave out --all-platforms',
    })
  const profiled = image.descriptor.digest
  const rebuilt = await rebuildIndex({ ...common, source, index, profiled })
  const { images, notes, manifest, tocImage } = rebuilt
  for (const note of notes) output.warn(note)
  if (tocImage) output.note(tocImageLine(tocImage))
  const root = { from: index.descriptor, to: manifest }
  const parts = images.map((each) => ({ from: each.image.descriptor, to: each.summary.manifest }))
  return { ...rebuilt, root, made: [...parts, root], index: manifest.digest }
}
