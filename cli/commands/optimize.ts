/** `headstart optimize`: rebuild an image as eStargz, startup files first. */
import type { Command } from 'commander'
import { checkCurrent } from '../../image/current.ts'
import { noPlace } from '../../image/referrers/attach.ts'
import type { Digest, Image, ImageSource, ImageTarget } from '../../image/types.ts'
import { rebuildImage } from '../../optimizer/rebuild/image.ts'
import { rebuildIndex } from '../../optimizer/rebuild/image-index.ts'
import { prepareTarget } from '../../optimizer/rebuild/toc-image.ts'
import { HeadstartError } from '../../system/errors.ts'
import { ensureWritable } from '../../system/files/atomic-file.ts'
import { requireFuse } from '../../tracer/mount/mount.ts'
import { carryProfiles } from '../attached/carry.ts'
import {
  attachProvenance,
  type Made,
  type Result,
  signatureLine,
  writeMetadata,
} from '../attached/supply-chain.ts'
import type { CliContext } from '../context.ts'
import { type ImageFlags, sourceOf, targetOf } from '../flags/image.ts'
import {
  addOptimizeFlags,
  type OptimizeFlags,
  type OptimizeRequest,
  optimizeRequest,
} from '../flags/optimize.ts'
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
  const beforeTag = await currentCheck({ source, image, ...request }, target, context.interrupts.abort)
  if (request.provenance && !target.putReferrer) throw noPlace(target.name)
  if (request.metadataFile !== undefined) await ensureWritable(request.metadataFile)
  await prepareTarget(target, options, { force: request.replaceTarget, attaching: true })
  const before = request.replaceTarget ? await target.replaced?.() : undefined
  const start = await startOf({ source, image, access }, request.start, context, output)
  if (!request.allPlatforms)
    output.note(leftBehind(await source.index(), image, 'use --all-platforms to rebuild the whole index'))
  const { images, root, index } = await rebuild(
    { source, image, target, start, beforeTag },
    request,
    context,
    output,
  )
  output.done()
  const parts = images.map((each) => ({ from: each.image.descriptor, to: each.summary.manifest }))
  const made = [...parts.filter(({ to }) => to.digest !== root.to.digest), root]
  await conclude(
    { source, target, root, made, image, images, index, start, before },
    request,
    context,
    output,
  )
}

interface Concluded extends Result {
  readonly image: Image
  readonly images: readonly Rebuilt[]
  readonly index: Digest | undefined
  readonly start: Start
  /** what the target's name stood for; undefined: nothing, or it isn't known */
  readonly before: Digest | undefined
}

/** An archive is closed before anybody hears of it. Elsewhere the image is there by now, whatever becomes of what is attached to it. */
async function conclude(
  { image, images, index, start, before, ...result }: Concluded,
  request: OptimizeRequest,
  context: CliContext,
  output: Output,
): Promise<void> {
  const { source, target, root } = result
  const { options, start: about, print } = request
  const provenance = async () => {
    if (request.provenance) await attachProvenance(result, start.trace, { options, ...about }, context)
  }
  await carryProfiles(
    { source, target, rebuilt: images, image, attached: start.attached, borrowed: start.borrowed },
    context,
    output,
  )
  if (target.finish) await provenance()
  await target.finish?.()
  for (const each of images) printRebuilt(each, { ...start, target: target.name, index }, print, output)
  if (before !== undefined && before !== root.to.digest) output.note(`${target.name} was ${before} before`)
  for (const line of await signatureLine(result, context.interrupts.abort)) output.warn(line)
  if (request.metadataFile !== undefined) await writeMetadata(request.metadataFile, result)
  if (!target.finish) await provenance()
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
  readonly beforeTag: (() => Promise<void>) | undefined
}

interface Results {
  readonly images: readonly Rebuilt[]
  readonly root: Made
  /** where all platforms were rebuilt: what has the target's name */
  readonly index?: Digest
}

async function rebuild(
  { source, image, target, start, beforeTag }: Material,
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
    beforeTag,
    signal: context.interrupts.abort,
    onProgress: drawLayers(output),
  }
  if (!allPlatforms) {
    const summary = await rebuildImage({ ...common, image })
    return { images: [{ image, summary }], root: { from: image.descriptor, to: summary.manifest } }
  }
  const index = await source.index()
  if (!index)
    throw new HeadstartError('E_USAGE', `${source.name} is a single image, not an index`, {
      hint: 'Leave out --all-platforms',
    })
  const profiled = image.descriptor.digest
  const rebuilt = await rebuildIndex({ ...common, source, index, profiled })
  const { images, notes, tocImage } = rebuilt
  for (const note of notes) output.warn(note)
  if (tocImage) output.note(tocImageLine(tocImage))
  return { images, root: { from: index.descriptor, to: rebuilt.index }, index: rebuilt.index.digest }
}
