/** The flags that say how a start is recorded, parsed once, before any image is opened: for `profile`, and `optimize` without a trace. */
import { type Command, Option } from 'commander'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { readInput } from '../../system/files/read-whole.ts'
import type { EngineName } from '../../tracer/container/types.ts'
import { parseWorkload, type WorkloadRequest } from '../../tracer/container/workload.ts'
import type { ServerName } from '../../tracer/mount/mount.ts'
import type { ProfileOptions } from '../../tracer/profile.ts'
import { checkName, DEFAULT_NAME } from '../../tracer/trace/name.ts'
import type { ImageFlags } from './image.ts'
import { addReadyFlags, type ReadyFlags, untilInterruptOption } from './ready.ts'
import { addRunFlags, type ContainerFlags, engineOption, runOptions } from './run.ts'
import { durationFlag, positiveFlag } from './values.ts'

export interface ProfileFlags extends ReadyFlags, ContainerFlags, ImageFlags {
  readonly engine?: EngineName
  readonly fuse?: ServerName
  readonly grace?: number
  readonly script?: string
  readonly runs: number
}

export function addProfileFlags(command: Command): Command {
  command
    .addOption(engineOption())
    .addOption(
      new Option(
        '--fuse <server>',
        "what serves the mount: libfuse through fuse-native, or the kernel's own protocol in Node, which is faster",
      )
        .choices(['fuse-native', 'kernel'])
        .default('fuse-native'),
    )
    .addOption(
      new Option(
        '--grace <time>',
        'keep recording this long after ready; files read then are marked as such',
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

/**
 * @param flag that asks for it
 * @returns under which name a profile is attached; undefined: it isn't
 * @throws HeadstartError E_USAGE: a name alone; E_OPTION
 */
export function pushedName(flag: string, isAsked: boolean, name: string | undefined): string | undefined {
  if (name !== undefined && !isAsked) throw new HeadstartError('E_USAGE', `--name requires ${flag}`)
  return isAsked ? checkName(name ?? DEFAULT_NAME) : undefined
}

export interface RecordOrder {
  /** all that doesn't depend on the image */
  readonly options: Pick<
    ProfileOptions,
    'command' | 'engine' | 'run' | 'timeoutMs' | 'graceMs' | 'runs' | 'source' | 'server' | 'input'
  >
  /** an image's healthcheck may be the check */
  readonly ready: ReadyFlags
  /** sent once it is ready */
  readonly requests?: readonly WorkloadRequest[]
}

/**
 * @param command replaces the image's, when it is not empty
 * @throws HeadstartError E_OPTION, E_FILE
 */
export async function recordOrder(command: readonly string[], flags: ProfileFlags): Promise<RecordOrder> {
  const { engine, fuse, grace, script, runs, timeout, insecure, caFile, interactive } = flags
  return {
    options: {
      command,
      run: await runOptions(flags),
      timeoutMs: timeout,
      runs,
      source: { insecure, ...(caFile !== undefined && { caFile }) },
      ...(engine && { engine }),
      ...(fuse && { server: fuse }),
      ...(grace !== undefined && { graceMs: grace }),
      ...(interactive && { input: process.stdin }),
    },
    ready: flags,
    ...(script !== undefined && { requests: await readWorkload(script) }),
  }
}

async function readWorkload(file: string): Promise<WorkloadRequest[]> {
  const text = await readInput(file).catch((cause: unknown) => {
    throw new HeadstartError('E_FILE', `--script ${file} can't be read: ${messageOf(cause)}`, { cause })
  })
  return parseWorkload(text, file)
}
