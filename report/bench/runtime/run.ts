/**
 * `headstart run`, as a person would type it: started anew for each sample with an empty cache, and timed from its first instruction, not from
 * its first request. It pulls lazily by itself, so that the machine's engine starts the container and holds no image.
 */
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { epochMs } from '../../../system/clock.ts'
import { chooseEngine } from '../../../tracer/container/index.ts'
import type { RunOptions } from '../../../tracer/container/options/run-options.ts'
import type { ContainerRequest, EngineName } from '../../../tracer/container/types.ts'
import { requireFuse } from '../../../tracer/mount/mount.ts'
import { lastManifestEnd, zoneSpan } from '../link/requests.ts'
import { commandEngine } from './command-engine.ts'
import { refuseLines, refuseOptions, unusable } from './options.ts'
import type { Cycle, ReadyCycle, Runtime, Starter } from './types.ts'

export const runRuntime: Runtime = {
  arms: ['lazy', 'optimized', 'other'],
  async open({ starter, headstart }) {
    if (!headstart) throw unusable('run', 'it is not known how to run headstart')
    const { run, ready } = starter.settings
    refuseOptions(run, 'run', ['env', 'user', 'workingDir', 'entrypoint', 'network', 'capAdd', 'privileged'])
    refuseLines(run)
    await requireFuse()
    const { name } = await chooseEngine(starter.settings.engine)
    if (name === 'runc' && (ready.by === 'exec' || ready.by === 'health'))
      throw unusable('run', 'only with --engine docker can commands be run in its container')
    return {
      name: 'run',
      programs: name === 'docker' ? ['dockerd', 'runc'] : ['runc'],
      versions: {},
      usesProfiles: true,
      prepareCycle: async (cycle) => ({
        run: () => pullAndStart(cycle, starter, { headstart, engine: name }),
        async [Symbol.asyncDispose]() {},
      }),
      async [Symbol.asyncDispose]() {},
    }
  },
}

interface Program {
  readonly headstart: readonly string[]
  readonly engine: EngineName
}

async function pullAndStart(cycle: Cycle, starter: Starter, program: Program): Promise<ReadyCycle> {
  const { workspace } = cycle
  const { env = [] } = starter.settings.run
  // Neither on a command line, which anybody on the machine can read, nor in the command's own environment, which would obey some of them.
  await writeFile(envFileOf(cycle), env.join('\n'), { mode: 0o600 })
  const engine = commandEngine((request) => commandsOf(request, { cycle, starter, program }))
  const startedAt = epochMs()
  await using stack = new AsyncDisposableStack()
  const container = stack.use(await starter.start(cycle, engine, workspace.folder))
  const ends = await endsOf(cycle, startedAt, container.readyAt)
  const owned = stack.move()
  return { marks: { startedAt, ends }, unpack: [], [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const envFileOf = ({ workspace }: Cycle): string => join(workspace.folder, 'env')
/** Written when the container has started. */
const idFileOf = ({ workspace }: Cycle): string => join(workspace.folder, 'container-id')

/** It prefetches while the container is made and starts: nothing waits for the prefetch alone, so its own phase takes no time. */
async function endsOf(cycle: Cycle, startedAt: number, ready: number) {
  const requests = await cycle.requests()
  const create = await stat(idFileOf(cycle)).then(
    ({ mtimeMs }) => mtimeMs,
    () => ready,
  )
  const resolve = lastManifestEnd(requests, cycle.layers, startedAt)
  const tocs = Math.max(resolve, zoneSpan(requests, cycle.layers, create)?.from ?? resolve)
  return { resolve, tocs, prefetch: tocs, create, ready }
}

interface Start {
  readonly cycle: Cycle
  readonly starter: Starter
  readonly program: Program
}

function commandsOf({ id, options }: ContainerRequest, { cycle, starter, program }: Start) {
  const [node = '', ...entry] = program.headstart
  return {
    program: node,
    known: 'headstart run',
    env: process.env,
    address: options.network === 'none' ? undefined : '127.0.0.1',
    run: [
      ...[...entry, '--quiet', 'run', '--engine', program.engine, '--insecure'],
      ...['--cache', join(cycle.workspace.folder, 'cache'), '--cidfile', idFileOf(cycle)],
      ...(program.engine === 'docker' ? ['--name', id] : []),
      ...[...flagsOf(options), '--env-file', envFileOf(cycle), `docker://${cycle.host}/${cycle.name}`],
      ...(starter.settings.command.length > 0 ? ['--', ...starter.settings.command] : []),
    ],
    // It passes signals on by itself; a command in its container is the engine's to run.
    ...(program.engine === 'docker' && {
      exec: (command: readonly string[]) => ['docker', 'exec', id, ...command],
    }),
  }
}

const flagsOf = (options: RunOptions): string[] => [
  ...['--network', options.network ?? 'host'],
  ...(options.user === undefined ? [] : ['--user', options.user]),
  ...(options.workingDir === undefined ? [] : ['--workdir', options.workingDir]),
  ...(options.entrypoint === undefined ? [] : ['--entrypoint', options.entrypoint.join(' ')]),
  ...(options.capAdd ?? []).flatMap((capability) => ['--cap-add', capability]),
  ...(options.privileged ? ['--privileged'] : []),
]
