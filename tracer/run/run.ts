/**
 * An image run as docker run does it, on Docker or runc: read lazily where all its layers are eStargz, and otherwise whole. The mount is asked
 * for first, since it waits for the network; the engine is looked for meanwhile.
 */
import { parseLocation } from '../../image/location.ts'
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { createWorkspace, type Workspace } from '../../system/workspace.ts'
import { runStored } from '../container/docker/engine.ts'
import { planProcess } from '../container/options/process.ts'
import type { Container, Engine, ProcessRequest } from '../container/types.ts'
import { type Mount, requireRoot } from '../mount/mount.ts'
import { openRoot } from './open-root.ts'
import type { LazyPart, RunImageOptions } from './options.ts'
import type { Root } from './roots.ts'

/**
 * @returns the container's status: its program's, or 128 + the signal that ended it
 * @throws HeadstartError E_NO_PROGRAM, E_NOT_EXECUTABLE: of the container; E_ROOT, E_FUSE, E_ENGINE, E_RUN, E_OPTION, and what opening the image throws
 */
export async function runImage(options: RunImageOptions): Promise<number> {
  parseLocation(options.reference) // fails before anything is made
  requireRoot()
  await using workspace = await createWorkspace()
  await using stack = new AsyncDisposableStack()
  const swept = options.sweep?.()
  swept?.catch(() => {}) // awaited below
  const { engine, root } = await openRoot(options, workspace, stack)
  await swept // a container that is left over may have the name of this one
  const mount = root.kind === 'folder' ? root.mount : undefined
  const lazy = mount && lazyPart(mount)
  options.onOpened(lazy)
  await using container = await startOn(engine, root, options, workspace).catch(async (error: unknown) => {
    throw (await readFault(error, mount)) ?? error
  })
  await using _faults = tellFaults(mount, options)
  options.onRunning({ container, ...(lazy && { lazy }) })
  return await Promise.race([container.exited, ...(mount ? [mount.died] : [])])
}

/** Whoever could not read the root, we or an engine, knows no more than that there was an input/output error. */
async function readFault(error: unknown, mount: Mount | undefined): Promise<HeadstartError | undefined> {
  if (codeOf(error) !== 'EIO' && !/input\/output error/i.test(messageOf(error))) return undefined
  const [fault] = (await mount?.faults().catch(() => [])) ?? []
  return fault === undefined
    ? undefined
    : new HeadstartError('E_RUN', `the container can't be started: its image could not be read: ${fault}`)
}

const FAULTS_EVERY_MS = 5000
/** Whoever has read these knows. */
const MAX_FAULTS = 3

/** The program that read was only told of an input/output error. Each reason is said once; in the end, those of the last moments. */
function tellFaults(mount: Mount | undefined, { onWarning }: RunImageOptions): AsyncDisposable {
  const told = new Set<string>()
  const tell = async () => {
    const faults = (await mount?.faults().catch(() => [])) ?? [] // the mount may have died, which is said by itself
    for (const fault of faults) {
      if (told.has(fault) || told.size === MAX_FAULTS) continue
      told.add(fault)
      onWarning(`the container could not read all of its image: ${fault}`)
    }
  }
  const timer = mount && setInterval(tell, FAULTS_EVERY_MS)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await tell()
    },
  }
}

function lazyPart(mount: Mount): LazyPart {
  const prefetch = mount.prefetchPlan()
  prefetch.catch(() => {}) // the mount may end with the container
  return { layers: mount.lazy?.zoneBytes.length ?? 0, prefetch }
}

async function startOn(
  engine: Engine,
  root: Root,
  options: RunImageOptions,
  { id, folder, state }: Workspace,
): Promise<Container> {
  const { run, input, terminal, detached } = options
  const process = planProcess(root.config, run, options.command)
  const mount = root.kind === 'folder' ? root.mount : undefined
  const request: ProcessRequest = {
    id,
    image: options.reference,
    folder,
    state,
    process,
    options: run,
    unreached: true,
    onOutput: options.onOutput,
    ...(input && { input }),
    ...(terminal && { terminal }),
    ...(detached && { detached }),
    beforeStart: async () => {
      void mount?.begin().catch(() => {}) // one that has died is reported as such
    },
    signal: options.abort,
  }
  if (root.kind === 'stored') return runStored(request, root.image)
  return engine.run({ ...request, facts: root.facts, root: root.folder, plainRoot: root.folder })
}
