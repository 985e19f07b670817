/** `trace export`: finds out what the asked form needs besides the trace, and writes the form. */
import { parsePlatform } from '../image/platform.ts'
import { readImageTree, readLayerEntries } from '../image/rootfs/image-tree.ts'
import { parseZtoc, type Ztoc } from '../image/soci/ztoc.ts'
import type { Image } from '../image/types.ts'
import { HeadstartError, messageOf } from '../system/errors.ts'
import { MAX_DOCUMENT_BYTES, readWhole } from '../system/files/read-whole.ts'
import { type BytePath, bytesOf } from '../system/text/byte-path.ts'
import { exportForms } from '../tracer/trace/exchange/formats.ts'
import { readTrace } from '../tracer/trace/file.ts'
import type { CliContext } from './context.ts'
import { type ImageFlags, sourceOf } from './flags/image.ts'
import { writeDocument } from './print/document.ts'
import { thousands } from './print/output.ts'

export interface ExportRequest {
  readonly trace: string
  /** as the trace names it, without */
  readonly image: string | undefined
  readonly flags: ImageFlags & { readonly output: string; readonly format: string; readonly ztoc?: string }
}

/** Nothing is written unless all of it can be. */
export async function exportTrace(request: ExportRequest, context: CliContext): Promise<void> {
  const output = context.output()
  const { text, files, leftOut } = await exported(request, context)
  if (leftOut > 0) output.warn(`${thousands(leftOut)} files are left out: this format can't name them`)
  const about = (to: string) => `${thousands(files)} files, written to ${to}`
  await writeDocument({ file: request.flags.output, text, about }, output)
}

async function exported({ trace: file, image: given, flags }: ExportRequest, context: CliContext) {
  const form = exportForms[flags.format]
  if (form === undefined) throw new HeadstartError('E_OPTION', `--format ${flags.format} is unknown`)
  if (flags.ztoc !== undefined && form.needs !== 'ztoc')
    throw new HeadstartError('E_OPTION', `--ztoc is for soci-spans; --format is ${flags.format}`)
  const trace = await readTrace(file)
  if (form.needs === 'trace') return form.write(trace)
  const ztoc = form.needs === 'ztoc' ? await readZtoc(flags.ztoc) : undefined
  const output = context.output()
  const reference = given ?? trace.image.reference
  await using source = await sourceOf(reference, flags, context, output)
  const image = await source.image(flags.platform ?? parsePlatform(trace.image.platform))
  const { abort } = context.interrupts
  const { entries } = await readImageTree(image, abort)
  if (form.needs === 'image' && image.descriptor.digest !== trace.image.digest)
    output.warn(`${reference} is not the image that was recorded, which was ${trace.image.digest}`)
  if (form.needs === 'image')
    return form.write(trace, {
      manifestDigest: image.descriptor.digest,
      layerOf: (path) => entries.get(bytesOf(path))?.layer,
    })
  if (ztoc === undefined) throw new Error('a zTOC that was not read')
  const layer = await layerOf(ztoc, image, abort)
  return form.write(trace, {
    ztoc: ztoc.ztoc,
    name: `layer ${layer + 1} of ${image.layers.length}`,
    contentOf: (path) => {
      const content = entries.get(bytesOf(path))?.content
      return content?.layer === layer ? content.entry.path : undefined
    },
  })
}

interface GivenZtoc {
  readonly ztoc: Ztoc
  readonly file: string
}

async function readZtoc(file: string | undefined): Promise<GivenZtoc> {
  if (file === undefined)
    throw new HeadstartError('E_OPTION', '--format soci-spans needs the zTOC of a layer', {
      hint: 'Name it with --ztoc; soci ztoc list shows those of an image',
    })
  const bytes = await readWhole(file, MAX_DOCUMENT_BYTES).catch((cause: unknown) => {
    throw new HeadstartError('E_ZTOC', `the zTOC ${file} can't be read: ${messageOf(cause)}`, { cause })
  })
  return { ztoc: parseZtoc(bytes, file), file }
}

/** A zTOC doesn't say which layer it is of. @throws HeadstartError E_ZTOC: of none of the image's */
async function layerOf({ ztoc, file }: GivenZtoc, image: Image, signal: AbortSignal): Promise<number> {
  for (const [index, layer] of image.layers.entries()) {
    if (layer.descriptor.size !== ztoc.compressedSize) continue
    const paths = await readLayerEntries(layer, ({ path }): BytePath => path, signal)
    if (paths.length === ztoc.files.length && paths.every((path, at) => path === ztoc.files[at]?.path))
      return index
  }
  throw new HeadstartError('E_ZTOC', `${file} is not the zTOC of any layer of ${image.reference}`, {
    hint: 'SOCI makes it for the layers as they are in the registry: name the image that was converted',
  })
}
