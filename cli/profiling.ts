/** Records one start and shows it happening: shared by `profile`, and by `optimize` without a trace. */
import { type Command, Option } from 'commander'
import type { Image } from '../image/types.ts'
import { sweepers } from '../report/bench/runtime/sweepers.ts'
import { HeadstartError, messageOf } from '../system/errors.ts'
import { readInput } from '../system/read-whole.ts'
import type { EngineName } from '../tracer/container/types.ts'
import {
  parseWorkload,
  runWorkload,
  type WorkloadRequest,
  type WorkloadResult,
} from '../tracer/container/workload.ts'
import type { ServerName } from '../tracer/mount/mount.ts'
import { type Profile, profileImage } from '../tracer/profile.ts'
import type { CliContext } from './context.ts'
import type { ImageFlags } from './flags/image.ts'
import { addReadyFlags, type ReadyFlags, readyCheck, untilInterruptOption } from './flags/ready.ts'
import { addRunFlags, type ContainerFlags, runOptions } from './flags/run.ts'
import { durationFlag, positiveFlag } from './flags/values.ts'
import { bytes, type Output, thousands } from './print/output.ts'

export interface ProfileFlags extends ReadyFlags, ContainerFlags, ImageFlags {
  readonly engine?: EngineName
  readonly fuse?: ServerName
  readonly grace?: number
  readonly script?: string
  readonly runs: number
}

export function addProfileFlags(command: Command): Command {
  command
    .addOption(
      new Option(
        '--engine <name>',
        'what runs the container (default: docker if it responds, else runc)',
      ).choices(['docker', 'runc']),
    )
    .addOption(
      new Option(
        '--fuse <server>',
        'what serves the mount: libfuse by way of fuse-native, or the kernel’s own protocol in Node, which is faster',
      )
        .choices(['fuse-native', 'kernel'])
        .default('fuse-native'),
    )
    .addOption(
      new Option(
        '--grace <time>',
        'keep recording this long after ready; what is read then is marked',
      ).argParser(durationFlag),
    )
  command
    .addOption(
      new Option('--script <file>', 'requests to send once it is ready, one per line: [METHOD] URL [BODY]'),
    )
    .addOption(
      new Option('--runs <count>', 'number of starts to record, each with cold caches; they are merged')
        .argParser(positiveFlag)
        .default(1),
    )
  return addRunFlags(addReadyFlags(command, untilInterruptOption()))
}

export interface ProfileOrder {
  readonly image: Image
  /** replaces the image's, when it is not empty */
  readonly command: readonly string[]
  readonly flags: ProfileFlags
  /** what was recorded until Ctrl-C is worth having; without, only `--until-interrupt` keeps it */
  readonly keepPart?: boolean
}

export async function profile(
  { image, command, flags, keepPart = false }: ProfileOrder,
  context: CliContext,
  output: Output,
): Promise<Profile> {
  const { abort, finish } = context.interrupts
  const requests = flags.script === undefined ? undefined : await readWorkload(flags.script)
  const note = ({ url, outcome }: WorkloadResult) => output.note(`${outcome}  ${url}`)
  const result = await profileImage({
    sweepers,
    image,
    command,
    tool: `headstart ${context.version}`,
    run: await runOptions(flags),
    ready: readyCheck(flags, image.config.process.healthcheck),
    timeoutMs: flags.timeout,
    ...(flags.engine && { engine: flags.engine }),
    ...(flags.fuse && { server: flags.fuse }),
    ...(flags.grace !== undefined && { graceMs: flags.grace }),
    runs: flags.runs,
    source: { insecure: flags.insecure, ...(flags.caFile !== undefined && { caFile: flags.caFile }) },
    ...(requests && { workload: (container, signal) => runWorkload(requests, container, signal, note) }),
    ...(flags.interactive && { input: process.stdin }),
    onOutput: (_stream, chunk) => output.passThrough(chunk),
    onProgress: ({ files, bytes: read, seconds }) =>
      output.live(() => `recording: ${thousands(files)} files, ${bytes(read)}, ${seconds.toFixed(1)} s`),
    onWarning: (text) => output.warn(text),
    onNote: (text) => output.note(text),
    onPhase: (phase) => {
      if (phase === 'preparing') output.note('preparing the recording mount')
      if (phase === 'running' && flags.untilInterrupt) output.note('press Ctrl-C to end the recording')
    },
    ...((keepPart || flags.untilInterrupt) && { finish }),
    abort,
  })
  output.done()
  return result
}

async function readWorkload(file: string): Promise<WorkloadRequest[]> {
  const text = await readInput(file).catch((cause: unknown) => {
    throw new HeadstartError('E_FILE', `--script ${file} can't be read: ${messageOf(cause)}`, { cause })
  })
  return parseWorkload(text, file)
}
