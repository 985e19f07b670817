/**
 * A Docker engine outside of the container that we run in, where its socket was mounted: what it sees of what is mounted here, and what can't be
 * asked of it from here.
 */
import { readFile, readlink, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type Docker from 'dockerode'
import { statusOf } from '../../../image/daemon/client.ts'
import { engineHost } from '../../../image/daemon/connection.ts'
import { codeOf, HeadstartError } from '../../../system/errors.ts'
import { mountHolding } from '../../../system/mounts.ts'
import { runCommand } from '../../../system/process/command.ts'
import { createWorkspace, type Workspace, workspaceRoot } from '../../../system/workspace.ts'
import type { EngineWish, ProcessRequest } from '../types.ts'

/** Whether an engine is, by its address: neither moves while we run. */
const known = new Map<string, boolean>()

/** Its own folder isn't here then. */
export async function isOutside(docker: Docker): Promise<boolean> {
  const host = await engineHost(process.env)
  const answer = known.get(host) ?? !(await hasFolderHere(docker))
  known.set(host, answer)
  return answer
}

async function hasFolderHere(docker: Docker): Promise<boolean> {
  const { DockerRootDir: folder }: { DockerRootDir?: unknown } = await docker.info()
  if (typeof folder !== 'string') return true
  return stat(folder).then(
    () => true,
    (error) => codeOf(error) !== 'ENOENT',
  )
}

/** @returns why it can't be used although it answers */
export async function outsideFault(docker: Docker, { unreached }: EngineWish): Promise<string | undefined> {
  if (!(await isOutside(docker))) return undefined
  if (!unreached) return 'it runs outside of this container, where a recording does not reach what it starts'
  if (!(await hasOwnProcesses()) && (await seesOurMounts(docker))) return undefined
  const place = await placeToShare()
  return `it runs outside of this container, and sees what is mounted in it only with: docker run --privileged --pid host -v ${place}:${place}:rshared`
}

/** Not a folder inside of a volume of our container: Docker would remove the volume with all that is mounted in it, and so empty the folder. */
async function placeToShare(): Promise<string> {
  const root = workspaceRoot()
  const volume = mountHolding(await readFile('/proc/self/mountinfo', 'utf8'), root)
  return volume === '/' ? root : volume
}

/**
 * Whether a later container could not tell that we are gone, and remove what we left: the first process is then our container's own, among the same
 * mounts.
 */
async function hasOwnProcesses(): Promise<boolean> {
  const [first, ours] = await Promise.all(
    ['1', 'self'].map((process) => readlink(`/proc/${process}/ns/mnt`).catch(() => undefined)),
  )
  return first !== undefined && first === ours
}

/** Tried with a mount: whether it gets there, and by the same path, depends on the machine as well as on how this container was started. */
async function seesOurMounts(docker: Docker): Promise<boolean> {
  await using workspace = await createWorkspace()
  const folder = await workspace.sub('seen')
  const file = join(folder, 'file')
  if (!(await isRefused(docker, file, workspace))) return false // an engine that doesn't look can't tell
  try {
    await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'headstart', folder])
  } catch {
    return false // we may not mount
  }
  await writeFile(file, '')
  return !(await isRefused(docker, file, workspace))
}

/** By asking for a container: that its files are there is checked before whether its image is, and there is none of this name. */
const isRefused = (docker: Docker, Source: string, { id }: Workspace): Promise<boolean> =>
  docker
    .createContainer({
      Image: `headstart-nothing:${id}`,
      HostConfig: { Mounts: [{ Type: 'bind', Source, Target: '/seen' }] },
    })
    .then(
      () => false,
      (error) => statusOf(error) === 400,
    )

/** @throws HeadstartError E_OPTION */
export function refuseOutside({ detached, options }: Pick<ProcessRequest, 'detached' | 'options'>): void {
  if (detached)
    throw new HeadstartError('E_OPTION', '-d is not supported in a container, which ends with its command', {
      hint: 'Give it to docker run instead: docker run -d … headstart run …',
    })
  const bind = options.binds?.find(({ relative }) => relative)
  if (bind)
    throw new HeadstartError(
      'E_OPTION',
      `${bind.source} is a path of this container, and the Docker engine is outside of it`,
      { hint: 'Give -v and --mount absolute paths of the machine' },
    )
}
