/** `headstart profile`: run an image once and record what its start reads. */
import type { Command } from 'commander'
import { attach } from '../../image/referrers/attach.ts'
import type { Descriptor, Image } from '../../image/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import { requireFuse } from '../../tracer/mount/mount.ts'
import { traceArtifact } from '../../tracer/trace/artifact.ts'
import { traceText } from '../../tracer/trace/file.ts'
import { pushedLine } from '../attached/commands.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, attachedSource, attachingTarget, sourceOf } from '../flags/image.ts'
import { addProfileFlags, type ProfileFlags, pushedName, recordOrder } from '../flags/profile.ts'
import { jsonOption } from '../flags/values.ts'
import { ensureDocument, writeDocument } from '../print/document.ts'
import { traceSummary } from '../print/trace-summary.ts'
import { profile } from '../profiling.ts'

interface Flags extends ProfileFlags {
  readonly output: string
  readonly push: boolean
  readonly name?: string
  readonly json: boolean
}

export function register(command: Command, context: CliContext): void {
  command
    .argument('<image>', 'the image to run')
    .argument('[command...]', "after --: replaces the image's command")
    .option('-o, --output <file>', 'where to write the trace; - for stdout', 'trace.json')
    .option('--push', 'attach the trace to the image in its registry, where optimize finds it', false)
    .option('--name <name>', 'with --push: the workload it is of, where there are several')
    .addOption(jsonOption())
    .action(async (reference: string, args: string[], flags: Flags) => {
      const output = context.output(flags.json)
      const name = pushedName('--push', flags.push, flags.name)
      await requireFuse()
      const order = await recordOrder(args, flags)
      await ensureDocument(flags.output)
      await using source = await sourceOf(reference, flags, context, output)
      const image = await source.image(flags.platform)
      const subject = name === undefined ? undefined : await subjectFor(image, { reference, flags }, context)
      const { trace } = await profile({ ...order, image, keepPart: true }, context, output)
      const about = (to: string) =>
        flags.json && to === flags.output
          ? JSON.stringify(trace)
          : [...traceSummary(trace), `written to ${to}`]
      await writeDocument({ file: flags.output, text: traceText(trace), about }, output)
      if (context.interrupts.isFinished() && !flags.untilInterrupt)
        throw new HeadstartError('E_INTERRUPTED', 'interrupted: the trace holds what was read until then', {
          hint: 'If Ctrl-C is how your recording ends, say so with --until-interrupt',
        })
      if (name === undefined || !subject) return
      await using target = await attachingTarget(reference, flags, context, output)
      const artifact = traceArtifact(trace, subject, name)
      await attach(target, artifact, context.interrupts.abort)
      output.note(pushedLine(name, artifact.referrer.digest, artifact.subject))
    })
  addImageFlags(addProfileFlags(command))
}

interface Place {
  readonly reference: string
  readonly flags: Flags
}

/**
 * What the trace is attached to, found before the start is recorded: the registry's manifest of the same content, where the engine's is recorded.
 * @throws HeadstartError E_ARTIFACT: nothing can be attached there, or the registry has another image
 */
async function subjectFor(
  image: Image,
  { reference, flags }: Place,
  context: CliContext,
): Promise<Descriptor> {
  await using source = await attachedSource(reference, flags, context, context.output(flags.json))
  const { descriptor, config } = await source.image(flags.platform)
  // What can't take it is refused now, not after the start.
  await using _place = await attachingTarget(reference, flags, context, context.output(flags.json))
  if (config.diffIds.join() === image.config.diffIds.join()) return descriptor
  throw new HeadstartError(
    'E_ARTIFACT',
    `${source.name} is not the same image as ${image.reference}, which would be recorded`,
    { hint: `Push it first, or record the registry's: ${source.name}` },
  )
}
