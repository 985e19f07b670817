/** Records one start and shows it happening: shared by `profile`, and by `optimize` without a trace. */
import { type Command, Option } from 'commander'
import type { Image } from '../image/types.ts'
import type { EngineName } from '../tracer/engine/types.ts'
import { type Profile, profileImage } from '../tracer/profile.ts'
import type { CliContext } from './context.ts'
import { durationFlag } from './flags.ts'
import { bytes, type Output, thousands } from './output.ts'
import { addReadyFlags, type ReadyFlags, readyCheck } from './ready-flags.ts'
import { addRunFlags, type RunFlags, runOptions } from './run-flags.ts'

export interface ProfileFlags extends ReadyFlags, RunFlags {
  readonly engine?: EngineName
  readonly grace?: number
}

export function addProfileFlags(command: Command): Command {
  command
    .addOption(
      new Option(
        '--engine <name>',
        'what runs the container (default: docker where it answers, else runc)',
      ).choices(['docker', 'runc']),
    )
    .addOption(
      new Option(
        '--grace <time>',
        'record on for so long after ready; what is read then is marked',
      ).argParser(durationFlag),
    )
  return addRunFlags(addReadyFlags(command))
}

export async function profile(
  image: Image,
  command: readonly string[],
  flags: ProfileFlags,
  context: CliContext,
  output: Output,
): Promise<Profile> {
  const { abort, finish } = context.interrupts
  const result = await profileImage({
    image,
    command,
    tool: `headstart ${context.version}`,
    run: await runOptions(flags),
    ready: readyCheck(flags, image.config.process.healthcheck),
    timeoutMs: flags.timeout,
    ...(flags.engine && { engine: flags.engine }),
    ...(flags.grace !== undefined && { graceMs: flags.grace }),
    ...(flags.interactive && { input: process.stdin }),
    onOutput: (_stream, chunk) => output.passThrough(chunk),
    onProgress: ({ files, bytes: read, seconds }) =>
      output.live(() => `recording: ${thousands(files)} files, ${bytes(read)}, ${seconds.toFixed(1)} s`),
    onPhase: (phase) => {
      if (phase === 'preparing') output.note('preparing the recording mount')
    },
    finish: finish(),
    abort,
  })
  output.done()
  return result
}
