/** `headstart run`: docker run for images that needn't be pulled. */
import { writeFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { HeadstartError } from '../../system/errors.ts'
import { ensureWritable } from '../../system/files/atomic-file.ts'
import { exists } from '../../system/files/exists.ts'
import type { EngineName } from '../../tracer/container/types.ts'
import { dropAhead } from '../../tracer/mount/spawn.ts'
import type { RunImageOptions, Running } from '../../tracer/run/options.ts'
import { runImage } from '../../tracer/run/run.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, type ImageFlags } from '../flags/image.ts'
import { addLazyFlags, type LazyFlags, lazyChoices } from '../flags/lazy.ts'
import { addRunFlags, type ContainerFlags, engineOption, runOptions } from '../flags/run.ts'
import { keepInBackground, tellStarted } from '../keeper.ts'
import { KEPT_FLAG } from '../kept-arguments.ts'
import { type LazyNotes, lazyNotes } from '../print/lazy-notes.ts'
import type { Output } from '../print/output.ts'
import { drawPull, drawUnpacking } from '../print/transfers.ts'
import { passOn, standardStreams } from '../standard-streams.ts'
import { sweepFirst } from '../sweeping.ts'

interface Flags extends ContainerFlags, ImageFlags, LazyFlags {
  readonly engine?: EngineName
  readonly name?: string
  readonly pull: 'missing' | 'always'
  readonly restart?: string
  readonly cidfile?: string
  readonly detach: boolean
  readonly kept: boolean
}

export function register(command: Command, context: CliContext): void {
  command
    .helpOption('--help', 'display help for command')
    .argument('<image>', 'the image to run')
    .argument('[command...]', "replaces the image's command; may come after --")
    .addOption(engineOption())
    .addOption(
      new Option(
        '--pull <when>',
        "missing: an image that the Docker engine has is started from there; always: the registry's",
      )
        .choices(['missing', 'always'])
        .default('missing'),
    )
    .addHelpText('after', NOTES)
  addImageFlags(addLazyFlags(addOwnFlags(addRunFlags(command, false)))).action(
    async (reference: string, args: string[], flags: Flags) => {
      process.exitCode = await run(reference, args, flags, context)
    },
  )
}

const NOTES = `
Examples:
  a server in the background, reached at port 8080 of the host:
    headstart run -d --name web -p 8080:8000 registry.example/web:1-esgz
  a shell:
    headstart run -it registry.example/web:1-esgz sh

A line on standard error says how the image is read: lazily, from the engine, or
whole, and why. docker ps names the image in part, its label headstart.image
in full.

Exit status: the container's, 128 + N where signal N ended it. 125: headstart or
the engine failed; 126: the program can't be run; 127: it isn't there.

Signals go to the container; the third Ctrl-C kills it.`

/** Those that mean nothing for a recording. */
function addOwnFlags(command: Command): Command {
  const option = (flags: string, text: string) =>
    new Option(flags, text).helpGroup('Container, as in docker run:')
  return command
    .addOption(option('--name <name>', 'name it, for the engine'))
    .addOption(option('-P, --publish-all', 'publish all ports that the image exposes'))
    .addOption(option('--cidfile <file>', "write the container's ID to this file, once it runs"))
    .addOption(
      option('-d, --detach', 'print its ID once it runs, and leave it running; docker stop ends it').default(
        false,
      ),
    )
    .addOption(new Option(KEPT_FLAG).default(false).hideHelp())
    .addOption(option('--rm', 'remove it when it has ended: always so'))
    .addOption(option('--restart <policy>', 'is refused').hideHelp())
}

async function run(reference: string, args: string[], flags: Flags, context: CliContext): Promise<number> {
  const output = context.output()
  refuse(flags)
  await refuseOldFile(flags)
  const run = await runOptions(flags, flags.name)
  const lazy = lazyChoices(flags)
  if (flags.detach && !flags.kept) return runInBackground(context, output)
  using streams = standardStreams(run, flags.kept)
  const notes = lazyNotes(output, streams.terminal !== undefined && process.stderr.isTTY)
  await using stack = new AsyncDisposableStack()
  const status = await runImage({
    ...(flags.kept ? { engine: 'docker' } : flags.engine && { engine: flags.engine }),
    reference,
    command: args[0] === '--' ? args.slice(1) : args,
    run,
    access: accessOf(flags),
    lazy,
    pullAlways: flags.pull === 'always',
    detached: flags.kept,
    onOutput(stream, chunk) {
      notes.begun()
      return streams.onOutput(stream, chunk)
    },
    onNote: (text) => output.note(text),
    onWarning: (text) => output.warn(text),
    onPull: drawPull(output),
    onUnpack: drawUnpacking(output),
    onOpened(lazy) {
      output.done()
      notes.opened(lazy)
    },
    onRunning: (running) => {
      stack.use(context.interrupts.handOver(passOn(running.container)))
      streams.begin(running.container)
      void tellRunning(running, flags, notes)
    },
    abort: context.interrupts.abort,
    sweep: sweepFirst,
    ...(streams.input && { input: streams.input }),
    ...(streams.terminal && { terminal: streams.terminal }),
  } satisfies RunImageOptions)
  return streams.statusOf(status)
}

const accessOf = ({ insecure, caFile, platform }: Flags): RunImageOptions['access'] => ({
  insecure,
  ...(caFile !== undefined && { caFile }),
  ...(platform && { platform }),
})

async function runInBackground({ interrupts }: CliContext, output: Output): Promise<number> {
  dropAhead() // the other process has its own
  const { id, status } = await keepInBackground('run', interrupts.abort)
  if (id !== undefined) output.result(id)
  return status
}

async function tellRunning({ container, lazy }: Running, flags: Flags, notes: LazyNotes): Promise<void> {
  const id = container.id ?? ''
  if (flags.cidfile !== undefined) writeFileSync(flags.cidfile, id, { flag: 'wx' })
  await notes.running(lazy)
  if (flags.kept) tellStarted(id)
}

/** @throws HeadstartError E_OPTION */
function refuse({ restart, detach, engine }: Flags): void {
  // Its root would be needed after the command has ended.
  if (restart !== undefined && restart !== 'no')
    throw new HeadstartError('E_OPTION', '--restart is not supported: the root of a container ends with it', {
      hint: 'Let the service manager run headstart run again, e.g. Restart=always of systemd',
    })
  if (detach && engine === 'runc')
    throw new HeadstartError(
      'E_OPTION',
      'the runc engine does not support -d: nothing would list or stop the container',
      {
        hint: 'Use --engine docker, or run the command as a service',
      },
    )
}

/** As in docker run: another container may be known by it. @throws HeadstartError E_FILE */
async function refuseOldFile({ cidfile }: Flags): Promise<void> {
  if (cidfile === undefined) return
  if (await exists(cidfile))
    throw new HeadstartError('E_FILE', `--cidfile ${cidfile} exists`, {
      hint: 'Remove it, unless the container that it names is running',
    })
  await ensureWritable(cidfile, '--cidfile')
}
