/** `headstart profile`: run an image once and record what its start reads. */
import type { Command } from 'commander'
import { HeadstartError } from '../../system/errors.ts'
import { ensureWritable } from '../../system/files/atomic-file.ts'
import { requireFuse } from '../../tracer/mount/mount.ts'
import { writeTrace } from '../../tracer/trace/file.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, sourceOf } from '../flags/image.ts'
import { addProfileFlags, type ProfileFlags, recordOrder } from '../flags/profile.ts'
import { jsonOption } from '../flags/values.ts'
import { traceSummary } from '../print/trace-summary.ts'
import { profile } from '../profiling.ts'

interface Flags extends ProfileFlags {
  readonly output: string
  readonly json: boolean
}

export function register(command: Command, context: CliContext): void {
  command
    .argument('<image>', 'the image to run')
    .argument('[command...]', "after --: replaces the image's command")
    .option('-o, --output <file>', 'where to write the trace', 'trace.json')
    .addOption(jsonOption())
    .action(async (reference: string, args: string[], flags: Flags) => {
      const output = context.output(flags.json)
      await requireFuse()
      const order = await recordOrder(args, flags)
      await ensureWritable(flags.output)
      await using source = await sourceOf(reference, flags, context, output)
      const image = await source.image(flags.platform)
      const { trace } = await profile({ ...order, image, keepPart: true }, context, output)
      await writeTrace(flags.output, trace)
      output.result(
        flags.json ? JSON.stringify(trace) : [...traceSummary(trace), `written to ${flags.output}`],
      )
      if (context.interrupts.isFinished() && !flags.untilInterrupt)
        throw new HeadstartError('E_INTERRUPTED', 'interrupted: the trace holds what was read until then', {
          hint: 'Where Ctrl-C is how your recording ends, say so with --until-interrupt',
        })
    })
  addImageFlags(addProfileFlags(command))
}
