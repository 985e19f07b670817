/**
 * containerd with the stargz snapshotter, driven through `ctr-remote` as its users do. Its requests show what the snapshotter did when.
 * Every sample starts from nothing: in a containerd started for it, or in the user's under a name that was never used before.
 */
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { epochMs } from '../../../system/clock.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { runCommand, tryCommand } from '../../../system/process/command.ts'
import type { Ground } from '../../../tracer/container/readiness/ready-on.ts'
import type { ContainerRequest } from '../../../tracer/container/types.ts'
import { lastManifestEnd, pulledWhole, zoneSpan } from '../link/requests.ts'
import { programVersion } from '../machine.ts'
import { commandEngine } from './command-engine.ts'
import { type ContainerdNamespace, clearNamespace, ctrEnvironment, tryCtr } from './containerd-namespace.ts'
import { ctrFlags } from './ctr-flags.ts'
import { whileAlive } from './daemon.ts'
import { DEFAULT_SNAPSHOTTER, type FoundContainerd, findContainerd } from './find-containerd.ts'
import { ensurePrograms } from './options.ts'
import { startOwnContainerd } from './own-containerd.ts'
import type { Cycle, PreparedCycle, ReadyCycle, Runtime, Starter } from './types.ts'

export const containerdRuntime: Runtime = {
  arms: ['legacy', 'lazy', 'optimized', 'other'],
  async open({ runtime, starter }, workspace) {
    await ensurePrograms('containerd', ['ctr', 'ctr-remote'])
    const { stdout: help } = await tryCommand('ctr-remote', ['run', '--help'])
    ctrFlags(starter.settings.run, '', help) // fails now rather than at the first sample
    const found = await findContainerd(runtime, workspace)
    return {
      name: 'containerd',
      programs: found.kind === 'own' ? ['containerd', 'runc'] : ['runc'],
      versions: await versionsOf(found),
      chosen: found.chosen,
      prepareCycle: (cycle) => prepare(cycle, found, { starter, help }),
      [Symbol.asyncDispose]: () => found[Symbol.asyncDispose](),
    }
  },
}

/** A daemon that runs already doesn't tell its version: the program's on the PATH stands for it. */
async function versionsOf(found: FoundContainerd): Promise<Record<string, string>> {
  const daemon = found.kind === 'own' ? found.snapshotter : DEFAULT_SNAPSHOTTER
  const snapshotter = await programVersion(daemon)
  return {
    ...(found.kind === 'theirs' && { containerd: found.version }),
    ...(snapshotter !== undefined && { 'stargz-snapshotter': snapshotter }),
  }
}

const isLazy = (cycle: Cycle): boolean => cycle.kind !== 'legacy'

/** What all samples have in common. */
interface Client {
  readonly starter: Starter
  /** of `ctr-remote run`: which flags it has */
  readonly help: string
}

async function prepare(cycle: Cycle, found: FoundContainerd, client: Client): Promise<PreparedCycle> {
  await using stack = new AsyncDisposableStack()
  if (found.kind === 'theirs') {
    await refuseHeld(cycle, found.place)
    stack.defer(() => clearNamespace(found.place))
  }
  const place =
    found.kind === 'theirs'
      ? { ...found.place, ...THEIRS }
      : stack.use(await startOwnContainerd(cycle, isLazy(cycle) ? found.snapshotter : undefined))
  const owned = stack.move()
  return { run: () => pullAndStart(cycle, place, client), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/**
 * Namespaces share content by default: what another one holds would not be pulled again.
 * @throws HeadstartError E_RUNTIME
 */
async function refuseHeld({ image }: Cycle, place: ContainerdNamespace): Promise<void> {
  const wanted = [image.descriptor, image.manifest.config, ...image.manifest.layers].map(
    ({ digest }) => digest,
  )
  const { stdout: names } = await tryCtr(place, 'namespaces', 'list', '--quiet')
  for (const name of names.split('\n').filter((each) => each !== '' && each !== place.name)) {
    const { stdout } = await tryCtr({ ...place, name }, 'content', 'list', '--quiet')
    const held = new Set(stdout.split('\n'))
    const count = wanted.filter((digest) => held.has(digest)).length
    if (count > 0)
      throw new HeadstartError(
        'E_RUNTIME',
        `the namespace ${name} of containerd at ${place.address} holds ${count} of the ${wanted.length} blobs of ${image.reference}, which would not be fetched again`,
        { hint: `Remove the image there (ctr -n ${name} images rm), or measure with --containerd own` },
      )
  }
}

/** A containerd of the person's own: its end is not ours to know. */
const THEIRS: Ground = { died: new Promise<never>(() => {}), isThere: async () => {} }

const filesOf = ({ workspace }: Cycle) => ({
  pidFile: join(workspace.folder, 'pid'),
  envFile: join(workspace.folder, 'env'),
})

/** A client that outlived this process would continue to pull into a namespace that was swept. */
const WITH_US = ['--pdeathsig', 'SIGKILL', 'ctr-remote'] as const

async function pullAndStart(
  cycle: Cycle,
  place: ContainerdNamespace & Ground,
  client: Client,
): Promise<ReadyCycle> {
  const { signal, workspace } = cycle
  const { settings, start } = client.starter
  const pull = isLazy(cycle) ? ['rpull', '--plain-http', '--snapshotter', 'stargz'] : ['pull', '--plain-http']
  const startedAt = epochMs()
  const args = [...WITH_US, 'images', ...pull, `${cycle.host}/${cycle.name}`]
  const asked = { env: ctrEnvironment(place), known: 'ctr-remote' }
  const pulling = (either: AbortSignal) => runCommand('setpriv', args, { ...asked, signal: either })
  await whileAlive(place, pulling, signal)
  const pulledAt = epochMs()
  await (isLazy(cycle) ? refuseFallback(cycle) : refuseShortcut(cycle))
  await writeFile(filesOf(cycle).envFile, (settings.run.env ?? []).join('\n'), { mode: 0o600 })
  const engine = commandEngine((request) => commandsOf(request, cycle, place, client))
  await using stack = new AsyncDisposableStack()
  const container = stack.use(await start(cycle, engine, workspace.folder, { ground: place }))
  const ends = { ...(await endsOfPull(cycle, startedAt, pulledAt)), ready: container.readyAt }
  const owned = stack.move()
  return { marks: { startedAt, ends }, unpack: [], [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** When the snapshotter can't mount a layer, containerd pulls it whole; only the log says so. @throws HeadstartError E_RUNTIME */
async function refuseFallback(cycle: Cycle): Promise<void> {
  const whole = pulledWhole(await cycle.requests(), cycle.layers)
  if (whole > 0)
    throw new HeadstartError(
      'E_RUNTIME',
      `the snapshotter did not mount ${whole} of ${cycle.layers.length} layers lazily: they were pulled whole`,
      { hint: "See the stargz snapshotter's log" },
    )
}

/** A full pull that fetched less than the image took the rest from somewhere else. @throws HeadstartError E_RUNTIME */
async function refuseShortcut(cycle: Cycle): Promise<void> {
  const sizes = new Map(cycle.image.manifest.layers.map(({ digest, size }) => [digest, size]))
  const whole = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  const fetched = (await cycle.requests()).reduce((sum, { bytes }) => sum + bytes, 0)
  if (fetched < whole)
    throw new HeadstartError(
      'E_RUNTIME',
      `containerd fetched ${fetched} of the image's ${whole} bytes: it already had the rest`,
      {
        hint: 'Measure with --containerd own',
      },
    )
}

/** The snapshotter prefetches by itself, and the container is created when that is done. */
async function endsOfPull(cycle: Cycle, startedAt: number, pulledAt: number) {
  const requests = await cycle.requests()
  const create = await stat(filesOf(cycle).pidFile).then(
    ({ mtimeMs }) => mtimeMs,
    () => pulledAt,
  )
  const resolve = lastManifestEnd(requests, cycle.layers, startedAt)
  if (!isLazy(cycle)) return { resolve, tocs: resolve, prefetch: pulledAt, create }
  const zone = zoneSpan(requests, cycle.layers, create)
  return {
    resolve,
    tocs: Math.min(pulledAt, zone?.from ?? pulledAt),
    prefetch: Math.max(pulledAt, zone?.to ?? pulledAt),
    create,
  }
}

function commandsOf(
  { id, options, process: plan }: ContainerRequest,
  cycle: Cycle,
  place: ContainerdNamespace,
  { starter: { settings }, help }: Client,
) {
  const { pidFile, envFile } = filesOf(cycle)
  // Arguments replace the image's entrypoint as well as its command.
  const own = settings.command.length > 0 || options.entrypoint !== undefined ? plan.args : []
  const client = (...args: readonly string[]) => [...WITH_US, ...args]
  return {
    program: 'setpriv',
    known: 'ctr-remote',
    env: ctrEnvironment(place),
    address: options.network === 'none' ? undefined : '127.0.0.1',
    pidFile,
    run: client(
      ...['run', '--rm', '--pid-file', pidFile],
      ...(isLazy(cycle) ? ['--snapshotter', 'stargz'] : []),
      ...ctrFlags(options, envFile, help),
      ...[`${cycle.host}/${cycle.name}`, id, ...own],
    ),
    exec: (command: readonly string[]) => [
      'setpriv',
      ...client('task', 'exec', '--exec-id', `e${process.hrtime.bigint()}`, id, ...command),
    ],
    kill: (signal: string) => ['setpriv', ...client('task', 'kill', '--signal', `SIG${signal}`, id)],
  }
}
