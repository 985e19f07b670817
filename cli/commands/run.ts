/** `headstart run`: docker run for images that needn't be pulled. */
import { writeFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { HeadstartError } from '../../system/errors.ts'
import { exists } from '../../system/files/exists.ts'
import type { EngineName } from '../../tracer/container/types.ts'
import type { RunImageOptions, Running } from '../../tracer/run/options.ts'
import { runImage } from '../../tracer/run/run.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, type ImageFlags } from '../flags/image.ts'
import { addLazyFlags, type LazyFlags, lazyChoices } from '../flags/lazy.ts'
import { addRunFlags, type ContainerFlags, runOptions } from '../flags/run.ts'
import type { Output } from '../print/output.ts'
import { lazyLines } from '../print/run.ts'
import { passOn, standardStreams } from '../standard-streams.ts'

interface Flags extends ContainerFlags, ImageFlags, LazyFlags {
  readonly engine?: EngineName
  readonly name?: string
  readonly pull: 'missing' | 'always'
  readonly restart?: string
  readonly cidfile?: string
}

export function register(command: Command, context: CliContext): void {
  command
    .helpOption('--help', 'display help for command')
    .argument('<image>', 'the image to run')
    .argument('[command...]', "replaces the image's command; may come after --")
    .addOption(
      new Option(
        '--engine <name>',
        'what runs the container (default: docker if it responds, else runc)',
      ).choices(['docker', 'runc']),
    )
    .addOption(
      new Option(
        '--pull <when>',
        "missing: an image that the Docker engine has is started from there; always: the registry's",
      )
        .choices(['missing', 'always'])
        .default('missing'),
    )
    .addHelpText('after', STATUS)
  addImageFlags(addLazyFlags(addOwnFlags(addRunFlags(command)))).action(
    async (reference: string, args: string[], flags: Flags) => {
      process.exitCode = await run(reference, args, flags, context)
    },
  )
}

const STATUS = `
Exit status: the container's, 128 + N where signal N ended it. 125: headstart or
the engine failed; 126: the program can't be run; 127: it isn't there.

Signals go to the container; the third Ctrl-C kills it.`

/** Those that mean nothing for a recording. */
function addOwnFlags(command: Command): Command {
  const option = (flags: string, text: string) =>
    new Option(flags, text).helpGroup('Container, as in docker run:')
  return command
    .addOption(option('--name <name>', 'name it, for the engine'))
    .addOption(option('--cidfile <file>', "write the container's ID to this file, once it runs"))
    .addOption(option('--rm', 'remove it when it has ended: always so'))
    .addOption(option('--restart <policy>', 'is refused').hideHelp())
}

async function run(reference: string, args: string[], flags: Flags, context: CliContext): Promise<number> {
  const output = context.output()
  refuseRestart(flags)
  await refuseOldFile(flags)
  const { engine, name, insecure, caFile, platform, pull } = flags
  const run = await runOptions(flags, name)
  using streams = standardStreams(run)
  const { interrupts } = context
  using stack = new DisposableStack()
  const status = await runImage({
    reference,
    command: args[0] === '--' ? args.slice(1) : args,
    run,
    access: { insecure, ...(caFile !== undefined && { caFile }), ...(platform && { platform }) },
    lazy: lazyChoices(flags),
    pullAlways: pull === 'always',
    onOutput: streams.onOutput,
    onNote: (text) => output.note(text),
    onWarning: (text) => output.warn(text),
    onRunning: (running) => {
      stack.use(interrupts.handOver(passOn(running.container)))
      streams.begin(running.container)
      if (flags.cidfile !== undefined)
        writeFileSync(flags.cidfile, running.container.id ?? '', { flag: 'wx' })
      void tell(running, output)
    },
    abort: interrupts.abort,
    sweepers: async () => (await import('../../report/bench/runtime/sweepers.ts')).sweepers,
    ...(engine && { engine }),
    ...(streams.input && { input: streams.input }),
    ...(streams.terminal && { terminal: streams.terminal }),
  } satisfies RunImageOptions)
  return streams.statusOf(status)
}

/** A container that restarts would need its root after the command has ended. */
function refuseRestart({ restart }: Flags): void {
  if (restart !== undefined && restart !== 'no')
    throw new HeadstartError('E_OPTION', '--restart is not supported: the root of a container ends with it', {
      hint: 'Let the service manager run headstart run again, e.g. Restart=always of systemd',
    })
}

/** As in docker run: another container may be known by it. @throws HeadstartError E_FILE */
async function refuseOldFile({ cidfile }: Flags): Promise<void> {
  if (cidfile !== undefined && (await exists(cidfile)))
    throw new HeadstartError('E_FILE', `--cidfile ${cidfile} exists`, {
      hint: 'Remove it, unless the container that it names is running',
    })
}

async function tell({ lazy }: Running, output: Output): Promise<void> {
  const plan = await lazy?.prefetch.catch(() => undefined) // the mount may have ended with the container
  if (lazy && plan) output.note(lazyLines(lazy.layers, plan))
}
