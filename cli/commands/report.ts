/** `headstart report`: what was recorded and measured, as one HTML file; for several images, an overview with a page for each. */
import { basename, dirname, join } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { parseBench, readBench } from '../../report/bench/file.ts'
import { type FleetEntry, renderFleet } from '../../report/page/fleet.ts'
import { type Material, titleOf } from '../../report/page/model/model.ts'
import { pageNames } from '../../report/page/page-names.ts'
import { renderReport } from '../../report/page/render.ts'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { writeWhole } from '../../system/files/atomic-file.ts'
import { readInput } from '../../system/files/read-whole.ts'
import { jsonIf } from '../../system/text/json.ts'
import { parseTrace } from '../../tracer/trace/file.ts'
import type { CliContext } from '../context.ts'
import { ensureDocument, writeDocument } from '../print/document.ts'
import { bytes, type Output } from '../print/output.ts'
import { type ImageMaterial, pairByImage, type ReportFile } from '../report-material.ts'

export function register(command: Command, context: CliContext): void {
  command
    .argument(
      '<files...>',
      'traces and measurements, in any order; those of one image share a page, even if measured on several links',
    )
    .option('-o, --output <file>', 'where to write the page; - for stdout', 'report.html')
    .option('--against <file>', 'an earlier measurement of the image, which the page compares with this one')
    .action(async (files: string[], flags: { output: string; against?: string }) => {
      const output = context.output()
      await ensureDocument(flags.output)
      const against = flags.against === undefined ? undefined : await readBench(flags.against)
      const given = await Promise.all(files.map(readReportFile))
      const images = pairByImage(given).map((image) => ({ ...image, files: filesOf(image, given) }))
      if (against) refuseUnmeasured(images)
      const [only, ...others] = images
      const isOne = only !== undefined && others.length === 0
      if (!isOne && flags.output === '-')
        throw new HeadstartError('E_USAGE', 'the pages of several images are files beside one another', {
          hint: 'Name the overview with -o; the pages are put next to it',
        })
      const text = isOne ? renderReport({ ...only, against }) : await writeFleet(flags.output, images, output)
      const about = (to: string) => `written to ${to} (${bytes(Buffer.byteLength(text))})`
      await writeDocument({ file: flags.output, text, about }, output)
    })
}

const filesOf = ({ trace, bench }: ImageMaterial, given: readonly ReportFile[]) => ({
  trace: given.find((one) => 'trace' in one && one.trace === trace)?.file,
  bench: given.find((one) => 'bench' in one && one.bench === bench)?.file,
})

/** @throws HeadstartError E_USAGE: there is not one measurement to compare with the earlier one */
function refuseUnmeasured(images: readonly ImageMaterial[]): void {
  const [only, ...others] = images
  if (others.length > 0)
    throw new HeadstartError('E_USAGE', '--against compares one image', {
      hint: 'Make a report of each image, with its own earlier measurement',
    })
  if (!only?.bench)
    throw new HeadstartError('E_USAGE', '--against needs a measurement to compare with the earlier one', {
      hint: 'Pass both: headstart report trace.json bench.json --against old.json',
    })
}

/** A trace or a measurement, recognized by its content. */
async function readReportFile(file: string): Promise<ReportFile> {
  const text = await readInput(file).catch((cause: unknown) => {
    throw new HeadstartError('E_FILE', `${file} can't be read: ${messageOf(cause)}`, { cause })
  })
  if (!text.trimStart().startsWith('{'))
    throw new HeadstartError('E_FILE', `${file} is neither a trace nor a measurement`, {
      hint: 'Give it files that headstart profile and headstart bench wrote',
    })
  return isBench(text) ? { file, bench: parseBench(text, file) } : { file, trace: parseTrace(text, file) }
}

/** A measurement has samples. Anything else is read as a trace, whose errors are then reported. */
const isBench = (text: string): boolean =>
  jsonIf(text, z.looseObject({ samples: z.unknown() }))?.samples !== undefined

/** The pages of the images are next to the overview, named after them: `report-web-1.html`. @returns the overview */
async function writeFleet(file: string, images: readonly Material[], output: Output): Promise<string> {
  const names = pageNames(basename(file), images)
  const entries: FleetEntry[] = []
  for (const [index, image] of images.entries()) {
    const name = names[index]
    if (name === undefined) continue
    await writeWhole(join(dirname(file), name), renderReport(image))
    output.note(`${titleOf(image)}: ${join(dirname(file), name)}`)
    entries.push({ ...image, href: encodeURIComponent(name) })
  }
  return renderFleet(entries)
}
