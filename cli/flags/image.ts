/** The flags that say how images are reached, and the opening of sources and targets with them. */
import { type Command, Option } from 'commander'
import { parsePlatform } from '../../image/platform.ts'
import type { Platform } from '../../image/types.ts'
import type { CliContext } from '../context.ts'
import type { Output } from '../print/output.ts'
import { drawTransfers } from '../print/transfers.ts'

export interface ImageFlags {
  readonly insecure: boolean
  readonly caFile?: string
  readonly platform?: Platform
}

export function addImageFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('Images:')
  return command
    .addOption(
      option(
        '--platform <os/arch[/variant]>',
        "platform to choose from an index (default: the host's)",
      ).argParser(parsePlatform),
    )
    .addOption(option('--insecure', 'allow plain HTTP and untrusted certificates').default(false))
    .addOption(option('--ca-file <file>', "PEM file of the registry's certificate authority"))
}

const accessOptions = (flags: ImageFlags, context: CliContext, output: Output) => ({
  insecure: flags.insecure,
  ...(flags.caFile !== undefined && { caFile: flags.caFile }),
  signal: context.interrupts.abort,
  onProgress: drawTransfers(output, 'fetched'),
  onNote: output.note,
  onDetail: (text: string) => output.detail(text),
})

type Opener<T> = (reference: string, options: ReturnType<typeof accessOptions>) => Promise<T>

/** An opener, reached as the flags say. It is loaded when it is used: a command may have the flags and leave opening to another process. */
const through =
  <T>(load: () => Promise<Opener<T>>) =>
  async (reference: string, flags: ImageFlags, context: CliContext, output: Output): Promise<T> =>
    (await load())(reference, accessOptions(flags, context, output))

export const sourceOf = through(async () => (await import('../../image/sources.ts')).openSource)
export const targetOf = through(async () => (await import('../../image/targets.ts')).openTarget)

/** Where artifacts are attached to images: a name without a transport is the registry's, never the engine's. */
export const attachedSource = through(
  async () => (await import('../../image/referrers/place.ts')).openAttached,
)
export const attachingTarget = through(
  async () => (await import('../../image/referrers/place.ts')).openAttaching,
)
