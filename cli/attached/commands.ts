/** `headstart trace push`, `list` and `pull`: profiles that are attached to an image where it is. */
import type { Command } from 'commander'
import { attach } from '../../image/referrers/attach.ts'
import { HeadstartError } from '../../system/errors.ts'
import { traceArtifact } from '../../tracer/trace/artifact.ts'
import { readTrace, traceText } from '../../tracer/trace/file.ts'
import { checkName, DEFAULT_NAME } from '../../tracer/trace/name.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, attachedSource, attachingTarget, type ImageFlags } from '../flags/image.ts'
import { jsonOption } from '../flags/values.ts'
import { attachedJson, attachedTable } from '../print/attached.ts'
import { ensureDocument, writeDocument } from '../print/document.ts'
import { thousands } from '../print/output.ts'
import { checkTraceOf, mergeAttached, readTraces, tracesOf, usedLines } from './traces.ts'

const IMAGE = 'an image in a registry, oci:FOLDER[:TAG], or oci-archive:FILE[:TAG]'

export function registerPush(command: Command, context: CliContext): void {
  command
    .argument('<image>', IMAGE)
    .argument('<trace>', 'a trace from headstart profile')
    .option('--name <name>', 'the workload it is of, where there are several', DEFAULT_NAME)
    .option('-f, --force', 'attach it even if it was recorded from another image', false)
    .addOption(jsonOption())
    .action(async (reference: string, file: string, flags: PushFlags) => {
      const output = context.output(flags.json)
      const trace = await readTrace(file)
      const name = checkName(flags.name)
      await using source = await attachedSource(reference, flags, context, output)
      const image = await source.image(flags.platform)
      if (!flags.force) checkTraceOf(trace, image)
      await using target = await attachingTarget(reference, flags, context, output)
      const artifact = traceArtifact(trace, image.descriptor, name)
      await attach(target, artifact, context.interrupts.abort)
      const { digest } = artifact.referrer
      output.result(
        flags.json
          ? JSON.stringify({ name, digest, subject: artifact.subject })
          : pushedLine(name, digest, artifact.subject),
      )
    })
  addImageFlags(command)
}

interface PushFlags extends ImageFlags {
  readonly name: string
  readonly force: boolean
  readonly json: boolean
}

export const pushedLine = (name: string, digest: string, subject: string): string =>
  `profile ${name} (${digest}) is attached to ${subject}`

export function registerList(command: Command, context: CliContext): void {
  command
    .argument('<image>', IMAGE)
    .addOption(jsonOption())
    .action(async (reference: string, flags: ImageFlags & { json: boolean }) => {
      const output = context.output(flags.json)
      await using source = await attachedSource(reference, flags, context, output)
      const image = await source.image(flags.platform)
      const found = await tracesOf(source, image, context.interrupts.abort)
      const { digest } = image.descriptor
      if (flags.json) return output.result(attachedJson(digest, found))
      if (found.length === 0) return output.result(`no profile is attached to ${source.name}@${digest}`)
      output.result(attachedTable(found, new Date()))
    })
  addImageFlags(command)
}

export function registerPull(command: Command, context: CliContext): void {
  command
    .argument('<image>', IMAGE)
    .option('--name <name>', 'only the profile of this name (default: the newest of each name, merged)')
    .option('-o, --output <file>', 'where to write the trace; - for stdout', 'trace.json')
    .action(async (reference: string, flags: ImageFlags & { name?: string; output: string }) => {
      const output = context.output()
      await ensureDocument(flags.output)
      await using source = await attachedSource(reference, flags, context, output)
      const image = await source.image(flags.platform)
      const signal = context.interrupts.abort
      const found = await tracesOf(source, image, signal)
      if (found.length === 0) throw noProfile(`${source.name}@${image.descriptor.digest}`)
      const read = await readTraces(source, image, {
        found,
        names: flags.name === undefined ? [] : [flags.name],
        signal,
      })
      output.note(usedLines(read, source.name, new Date()))
      const { trace } = mergeAttached(read, image, output)
      const about = (to: string) => `${thousands(trace.files.length)} files, written to ${to}`
      await writeDocument({ file: flags.output, text: traceText(trace), about }, output)
    })
  addImageFlags(command)
}

export const noProfile = (where: string): HeadstartError =>
  new HeadstartError('E_NO_PROFILE', `no profile is attached to ${where}`, {
    hint: 'Record one and attach it: headstart profile --push, or headstart trace push',
  })
