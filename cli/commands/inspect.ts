/** `headstart inspect`: an image's layers, which of them are eStargz, and how much of each is prefetched. */
import type { Command } from 'commander'
import {
  type InspectedEstargz,
  type InspectedImage,
  type InspectedLayer,
  inspectImage,
} from '../../image/inspect.ts'
import { formatPlatform } from '../../image/platform.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, type ImageFlags, sourceOf } from '../flags/image.ts'
import { jsonOption } from '../flags/values.ts'
import { placeText } from '../print/entry-place.ts'
import { bytes, counted, percent, table, thousands } from '../print/output.ts'
import { zoneFilesText } from '../print/zone-files.ts'

interface Flags extends ImageFlags {
  readonly files: boolean
  readonly json: boolean
}

export function register(command: Command, context: CliContext): void {
  command
    .argument('<image>', 'the image to inspect')
    .option('--files', "list each layer's entries, with their offsets in the blob", false)
    .addOption(jsonOption())
    .action(async (reference: string, flags: Flags) => {
      const output = context.output(flags.json)
      await using source = await sourceOf(reference, flags, context, output)
      const image = await source.image(flags.platform)
      const inspected = await inspectImage(image, { files: flags.files, signal: context.interrupts.abort })
      output.result(flags.json ? JSON.stringify(inspected) : describe(inspected))
    })
  addImageFlags(command)
}

function describe(image: InspectedImage): string[] {
  const head = `${image.reference}  ${formatPlatform(image.platform)}  ${bytes(image.size)} in ${counted(image.layers.length, 'layer')}`
  const rows = image.layers.map((layer, index) => [
    `${index + 1} ${layer.digest.slice(7, 19)}`,
    bytes(layer.size),
    format(layer),
    ...zone(layer),
    layer.mediaType,
  ])
  const layers = table(
    ['layer', 'size', 'format', 'zone', 'share', 'files in zone', 'TOC', 'media type'],
    rows,
    [0, 2, 7],
  )
  return [head, image.digest, ...layers, ...image.layers.flatMap(entries)]
}

function format({ foreign, estargz }: InspectedLayer): string {
  if (foreign) return 'foreign'
  if (!estargz) return 'plain'
  return `${FORMATS[estargz.tocPlace]}${estargz.annotated ? '' : ', not annotated'}`
}

const FORMATS = {
  'in-tar': 'eStargz',
  'behind-tar': 'zstd:chunked',
  external: 'eStargz, external TOC',
} as const

const zone = ({ estargz, size }: InspectedLayer): string[] =>
  estargz
    ? [bytes(estargz.zoneBytes), percent(estargz.zoneBytes / size), filesIn(estargz), bytes(estargz.tocBytes)]
    : ['', '', '', '']

const filesIn = (estargz: InspectedEstargz): string =>
  `${zoneFilesText(estargz)} of ${thousands(estargz.files)}`

function entries({ entries: list, digest }: InspectedLayer): string[] {
  if (!list) return []
  const rows = list.map((entry) => [
    entry.path || '/',
    entry.type,
    entry.mode.toString(8),
    String(entry.size),
    entry.offset === undefined ? '' : String(entry.offset),
    placeText(entry),
  ])
  return ['', digest, ...table(['entry', 'type', 'mode', 'size', 'offset', ''], rows, [0, 1, 5])]
}
