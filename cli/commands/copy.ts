/** `headstart copy`: an image from anywhere to anywhere, every digest kept. */
import type { Command } from 'commander'
import { type CopyOptions, copyImage, copyIndex } from '../../image/copy.ts'
import { TOC_DIGEST_ANNOTATION } from '../../image/estargz/format/toc.ts'
import {
  giveTag,
  type PutTocImage,
  TOC_IMAGE_SUFFIX,
  tocImageOf,
  type Untagged,
} from '../../image/layers/external-toc.ts'
import { copyCosignTags, copyReferrers, noPlace, refusalOf } from '../../image/referrers/attach.ts'
import type { Image, ImageIndex, ImageSource, ImageTarget } from '../../image/types.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, type ImageFlags, sourceOf, targetOf } from '../flags/image.ts'
import { jsonOption } from '../flags/values.ts'
import { leftBehind } from '../print/left-behind.ts'
import { counted, type Output } from '../print/output.ts'
import { drawTransfers } from '../print/transfers.ts'

/** What asking for the other image is worth a request for. */
const mayHaveTocs = (what: Image | ImageIndex): boolean =>
  'rawIndex' in what ||
  what.manifest.layers.some(({ annotations }) => annotations?.[TOC_DIGEST_ANNOTATION] !== undefined)

const NOT_BESIDE =
  'only in a registry is it found beside the image; without it nodes pull the image whole, so copy it to the same registry in the end'

interface Beside {
  readonly tocs: Image
  readonly target: ImageTarget
}

/** @returns undefined: the target has no place for them, which is said */
function besideOf(tocs: Image, target: ImageTarget, output: Output): Beside | undefined {
  const beside = target.beside?.(TOC_IMAGE_SUFFIX)
  if (beside) return { tocs, target: beside }
  output.note(`${tocs.reference} is left behind: ${NOT_BESIDE}`)
  return undefined
}

interface Flags extends ImageFlags {
  readonly all: boolean
  readonly referrers: boolean
  readonly force: boolean
  readonly json: boolean
}

export function register(command: Command, context: CliContext): void {
  command
    .argument('<source>', 'the image to copy')
    .argument('<target>', 'where to copy it')
    .option('--all', 'copy an index with all its platforms', false)
    .option(
      '--referrers',
      'copy what is attached to it as well: profiles, signatures, bills of materials',
      false,
    )
    .option('-f, --force', 'overwrite the target', false)
    .addOption(jsonOption())
    .action((from: string, to: string, flags: Flags) => copy({ from, to }, flags, context))
  addImageFlags(command)
}

async function copy(
  { from, to }: { readonly from: string; readonly to: string },
  flags: Flags,
  context: CliContext,
): Promise<void> {
  const output = context.output(flags.json)
  await using source = await sourceOf(from, flags, context, output)
  await using target = await targetOf(to, flags, context, output)
  const signal = context.interrupts.abort
  const options = { signal, onProgress: drawTransfers(output, 'written'), tagged: false }
  const what = (flags.all ? await source.index() : undefined) ?? (await source.image(flags.platform))
  if (!('rawIndex' in what))
    output.note(leftBehind(await source.index(), what, 'use --all to copy the whole index'))
  const tocs = mayHaveTocs(what) ? await tocImageOf(source) : undefined
  const beside = tocs && besideOf(tocs, target, output)
  if (flags.referrers && !target.putReferrer) throw noPlace(target.name)
  await target.prepare({ force: flags.force })
  await beside?.target.prepare({ force: flags.force })
  const tocImage = beside && (await copyTocs(beside, options))
  const made = { ...(await copyWhat({ source, what, target }, options)), tocImage }
  output.done()
  const attach = async () =>
    output.note(await attachments({ source, what, target }, { ...options, force: flags.force }))
  const refused = flags.referrers ? await refusalOf(attach, signal) : undefined
  await giveTag(target, made, signal)
  report(made, { target: target.name, json: flags.json }, output)
  if (refused) throw refused
}

interface Copied {
  readonly source: ImageSource
  readonly what: Image | ImageIndex
  readonly target: ImageTarget
}

async function copyWhat({ source, what, target }: Copied, options: CopyOptions): Promise<Untagged> {
  if ('rawIndex' in what)
    return { manifest: await copyIndex(source, what, target, options), rawManifest: what.rawIndex }
  return { manifest: await copyImage(what, target, options), rawManifest: what.rawManifest }
}

async function copyTocs({ tocs, target }: Beside, options: CopyOptions): Promise<PutTocImage> {
  const manifest = await copyImage(tocs, target, options)
  return { ...manifest, name: target.name, rawManifest: tocs.rawManifest }
}

function report(
  { manifest: { digest }, tocImage }: Untagged,
  { target, json }: { readonly target: string; readonly json: boolean },
  output: Output,
): void {
  if (tocImage) output.note(`the tables of contents were copied to ${tocImage.name}@${tocImage.digest}`)
  const besides = tocImage && { tocImage: { name: tocImage.name, digest: tocImage.digest } }
  output.result(json ? JSON.stringify({ target, digest, ...besides }) : `${target}@${digest}`)
}

/**
 * Copies what is attached to the manifests that were copied, each of which kept its digest.
 * @returns lines for people
 * @throws HeadstartError E_ARTIFACT: the target refuses it; E_TARGET_EXISTS: it has other signatures
 */
async function attachments(
  { source, what, target }: Copied,
  options: CopyOptions & { readonly force: boolean },
): Promise<string[]> {
  const inside = 'rawIndex' in what ? what.manifests.map(({ digest }) => digest) : []
  const subjects = [...new Set([what.descriptor.digest, ...inside])]
  const artifacts = await copyReferrers(source, subjects, target, options)
  const tags = await copyCosignTags(source, subjects, target, options)
  if (artifacts + tags === 0) return ['nothing is attached to it']
  return [
    ...(artifacts > 0 ? [`${counted(artifacts, 'attached artifact')} copied`] : []),
    ...(tags > 0 ? [`${counted(tags, 'manifest')} under cosign's tags copied`] : []),
  ]
}
