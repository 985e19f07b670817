/** What of headstart works on this machine: each requirement is tried, and what follows is concluded from the findings alone. */
import { access, constants } from 'node:fs/promises'
import { HeadstartError, messageOf } from '../system/errors.ts'
import { tryCommand } from '../system/process/command.ts'
import { createWorkspace, workspaceRoot } from '../system/workspace.ts'
import { engines } from '../tracer/container/index.ts'
import { lookAtControlGroups } from '../tracer/container/runc/machine.ts'
import { loadFuse } from '../tracer/mount/native/serve.ts'

export interface Requirement {
  readonly name: string
  /** one line; undefined: fine */
  readonly fault: string | undefined
}

export interface MachineFindings {
  readonly root: Requirement
  readonly fuse: Requirement
  /** without it the kernel's protocol is spoken */
  readonly libfuse: Requirement
  readonly docker: Requirement
  /** where it differs: an engine outside of our container can run images, not record them */
  readonly dockerForRun?: Requirement
  readonly runc: Requirement
  /** for runc; an engine has its own way to them */
  readonly controlGroups: Requirement
  /** without it most images are recorded all the same */
  readonly attributes: Requirement
  readonly workspace: Requirement
}

/** What works, in plain words, or why it doesn't. */
export interface Ability {
  readonly name: 'recording' | 'running' | 'rebuilding'
  readonly works: boolean
  /** names of what it would need */
  readonly lacks: readonly string[]
  readonly sentence: string
}

export async function examineMachine(): Promise<MachineFindings> {
  const { version, fault } = await lookAtControlGroups()
  const [docker, dockerForRun] = await Promise.all([
    engines.docker.unavailable(),
    engines.docker.unavailable({ unreached: true }),
  ])
  return {
    root: {
      name: 'root',
      fault: process.getuid?.() === 0 ? undefined : 'mounting needs root; run with sudo',
    },
    fuse: { name: 'FUSE', fault: await fuseFault() },
    libfuse: { name: 'libfuse', fault: await libraryFault() },
    docker: { name: 'engine docker', fault: docker },
    ...(dockerForRun !== docker && { dockerForRun: { name: 'engine docker, for run', fault: dockerForRun } }),
    runc: { name: 'engine runc', fault: await engines.runc.unavailable() },
    controlGroups: {
      name: `control groups${version === undefined ? '' : `, version ${version}`}`,
      fault: fault === undefined ? undefined : `runc can't make one: ${fault}`,
    },
    attributes: { name: 'extended attributes', fault: await attributesFault() },
    workspace: { name: `temporary files in ${workspaceRoot()}`, fault: await workspaceFault() },
  }
}

const fuseFault = (): Promise<string | undefined> =>
  access('/dev/fuse', constants.R_OK | constants.W_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT'
        ? '/dev/fuse does not exist; load the kernel module with: modprobe fuse (in a container: --privileged)'
        : messageOf(error),
  )

/** Loading it is the only sure test: where libraries are differs between distributions. */
async function libraryFault(): Promise<string | undefined> {
  try {
    await loadFuse()
    return undefined
  } catch (error) {
    const hint = error instanceof HeadstartError ? error.hint : undefined
    return [messageOf(error), hint].filter(Boolean).join('; ')
  }
}

async function attributesFault(): Promise<string | undefined> {
  try {
    for (const program of ['getfattr', 'setfattr']) await tryCommand(program, ['--version'])
    return undefined
  } catch (error) {
    return `${messageOf(error)}; an image whose files have them (as file capabilities are) needs it: install attr`
  }
}

async function workspaceFault(): Promise<string | undefined> {
  try {
    await using _ = await createWorkspace()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

/** The commands that mount and start containers; the others, and `optimize` by a trace, don't. */
const RECORDING = 'profile, bench, mount, and optimize where it records'
const REBUILDING =
  'optimize by a trace or an attached profile, verify, inspect, copy, trace, report, and doctor IMAGE'

/** Pure. */
export function abilitiesOf(found: MachineFindings): Ability[] {
  const lacks = [found.workspace, found.root, found.fuse].filter(({ fault }) => fault !== undefined)
  const missing = [...lacks.map(({ name }) => name), ...engineLacks(found, found.docker)]
  const runLacks = [
    ...lacks.filter((lack) => lack !== found.fuse).map(({ name }) => name),
    ...engineLacks(found, found.dockerForRun ?? found.docker),
  ]
  const canRebuild = found.workspace.fault === undefined
  return [
    {
      name: 'recording',
      works: missing.length === 0,
      lacks: missing,
      sentence:
        missing.length === 0
          ? `recording works: ${RECORDING}`
          : `recording does not work (${RECORDING}): it lacks ${missing.join(', ')}`,
    },
    {
      name: 'running',
      works: runLacks.length === 0,
      lacks: runLacks,
      sentence: runningSentence(runLacks, found.fuse.fault === undefined),
    },
    {
      name: 'rebuilding',
      works: canRebuild,
      lacks: canRebuild ? [] : [found.workspace.name],
      sentence: canRebuild
        ? `rebuilding works, and needs no root: ${REBUILDING}`
        : `rebuilding does not work (${REBUILDING}): it lacks ${found.workspace.name}`,
    },
  ]
}

function engineLacks({ runc, controlGroups }: MachineFindings, docker: Requirement): string[] {
  const isThere =
    docker.fault === undefined || [runc, controlGroups].every(({ fault }) => fault === undefined)
  return isThere ? [] : ['an engine that runs containers']
}

function runningSentence(lacks: readonly string[], canMount: boolean): string {
  if (lacks.length > 0) return `running does not work (run): it lacks ${lacks.join(', ')}`
  return canMount
    ? 'running works, and needs neither libfuse nor extended attributes: run'
    : 'running works (run), but pulls images whole: it lacks FUSE'
}
