/** `headstart trace`: show, merge and compare traces, exchange them with other tools, and attach them to images. */
import { type Command, Option } from 'commander'
import { readImageTree } from '../../image/rootfs/image-tree.ts'
import type { Image } from '../../image/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import { bytesOf } from '../../system/text/byte-path.ts'
import { diffTraces } from '../../tracer/trace/diff.ts'
import { exportForms } from '../../tracer/trace/exchange/formats.ts'
import { readTrace, traceText } from '../../tracer/trace/file.ts'
import { mergeTraces } from '../../tracer/trace/merge.ts'
import { summarizeTrace } from '../../tracer/trace/summary.ts'
import { registerList, registerPull, registerPush } from '../attached/commands.ts'
import type { CliContext } from '../context.ts'
import { type ExportRequest, exportTrace } from '../export-trace.ts'
import { addImageFlags, type ImageFlags, sourceOf } from '../flags/image.ts'
import { jsonOption } from '../flags/values.ts'
import { ensureDocument, writeDocument } from '../print/document.ts'
import { thousands } from '../print/output.ts'
import { traceDetails, traceDifferences } from '../print/trace-details.ts'
import { readGiven, traceOf } from '../read-trace.ts'

export function register(command: Command, context: CliContext): void {
  registerShow(
    command.command('show').description('Show what a start read, and where in the image it is'),
    context,
  )
  registerMerge(
    command.command('merge').description('Merge several runs of one image into one trace'),
    context,
  )
  registerDiff(command.command('diff').description('Compare two traces'), context)
  registerExport(
    command.command('export').description('Convert a trace for another runtime or tool'),
    context,
  )
  registerImport(
    command.command('import').description('Convert what another tool recorded to a trace'),
    context,
  )
  registerPush(
    command.command('push').description('Attach a trace to its image, where optimize finds it'),
    context,
  )
  registerList(command.command('list').description('List the traces that are attached to an image'), context)
  registerPull(command.command('pull').description('Fetch a trace that is attached to an image'), context)
}

function registerShow(command: Command, context: CliContext): void {
  command
    .argument('<trace>', 'a trace from headstart profile')
    .argument('[image]', 'its image, to show the share of each layer as well')
    .addOption(jsonOption())
    .action(async (file: string, reference: string | undefined, flags: ImageFlags & { json: boolean }) => {
      const output = context.output(flags.json)
      const trace = await readTrace(file)
      const layerOf = reference === undefined ? undefined : await layersIn(reference, flags, context)
      const summary = summarizeTrace(trace, layerOf)
      output.result(flags.json ? JSON.stringify(summary) : traceDetails(trace, summary))
    })
  addImageFlags(command)
}

function registerMerge(command: Command, context: CliContext): void {
  command
    .argument('<traces...>', 'traces of one image')
    .requiredOption('-o, --output <file>', 'where to write the merged trace; - for stdout (required)')
    .action(async (files: string[], flags: { output: string }) => {
      await ensureDocument(flags.output)
      const merged = mergeTraces(await Promise.all(files.map(readTrace)))
      const about = (to: string) =>
        `${merged.run.runs} runs, ${thousands(merged.files.length)} files, written to ${to}`
      await writeDocument({ file: flags.output, text: traceText(merged), about }, context.output())
    })
}

function registerDiff(command: Command, context: CliContext): void {
  command
    .argument('<before>', 'a trace')
    .argument('<after>', 'another trace')
    .addOption(jsonOption())
    .action(async (before: string, after: string, flags: { json: boolean }) => {
      const diff = diffTraces(await readTrace(before), await readTrace(after))
      context.output(flags.json).result(flags.json ? JSON.stringify(diff) : traceDifferences(diff))
    })
}

function registerExport(command: Command, context: CliContext): void {
  command
    .argument('<trace>', 'a trace from headstart profile')
    .argument(
      '[image]',
      'the image that was recorded, for stargz and soci-spans (default: the one that the trace names)',
    )
    .requiredOption('-o, --output <file>', 'where to write it; - for stdout (required)')
    .addOption(
      new Option('--format <name>', 'the format to write; docs/runtimes.md says which runtime takes which')
        .choices(Object.keys(exportForms))
        .default('stargz'),
    )
    .option('--ztoc <file>', 'zTOC of one of the layers, for soci-spans')
    .action(async (trace: string, image: string | undefined, flags: ExportRequest['flags']) => {
      await ensureDocument(flags.output)
      await exportTrace({ trace, image, flags }, context)
    })
  addImageFlags(command)
}

function registerImport(command: Command, context: CliContext): void {
  command
    .argument(
      '<record>',
      "ctr-remote's record file or prefetch list, Nydus' or SOCI's list, or a log with log_file_access",
    )
    .argument('<image>', 'the image that was recorded')
    .option('-o, --output <file>', 'where to write the trace; - for stdout', 'trace.json')
    .action(async (file: string, reference: string, flags: ImageFlags & { output: string }) => {
      const output = context.output()
      await ensureDocument(flags.output)
      const given = await readGiven(file)
      if (given.kind === 'trace') throw new HeadstartError('E_RECORD', `${file} is already a trace`)
      await using source = await sourceOf(reference, flags, context, output)
      const image = await source.image(flags.platform)
      const { trace, missing } = await traceOf(
        given,
        image,
        `headstart ${context.version}`,
        context.interrupts.abort,
      )
      if (missing.length > 0)
        output.warn(`${thousands(missing.length)} files of the record are not in the image`)
      const about = (to: string) => `${thousands(trace.files.length)} files, written to ${to}`
      await writeDocument({ file: flags.output, text: traceText(trace), about }, output)
    })
  addImageFlags(command)
}

type LayerOf = (path: string) => number | undefined

async function layersIn(reference: string, flags: ImageFlags, context: CliContext): Promise<LayerOf> {
  await using source = await sourceOf(reference, flags, context, context.output())
  // Awaited, since the layers are read from the source, which is closed when this returns.
  return await ownersIn(await source.image(flags.platform), context)
}

async function ownersIn(image: Image, context: CliContext): Promise<LayerOf> {
  const { entries } = await readImageTree(image, context.interrupts.abort)
  return (path) => entries.get(bytesOf(path))?.layer
}
