/** What this process's runs left behind: nothing, if all is well. */
import { readdir, readFile } from 'node:fs/promises'
import { runFolder } from '../../system/files/run-folder.ts'
import { tryCommand } from '../../system/process/command.ts'
import { workspaceRoot } from '../../system/workspace.ts'
import { dockerEngine } from '../support/engine.ts'

/** Mounts, containers, images, processes and folders that carry the pid of `owner`. */
export async function leftovers(owner: number = process.pid): Promise<string[]> {
  const prefix = `headstart-${owner}-`
  const docker = await dockerEngine()
  const containers = await docker.listContainers({ all: true })
  const images = await docker.listImages()
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const { stdout } = await tryCommand('ps', ['-eo', 'args'])
  return [
    ...(await readdir(workspaceRoot())).filter((name) => name.startsWith(prefix)),
    ...(await readdir((await runFolder()) ?? workspaceRoot())).filter((name) => name.startsWith(prefix)),
    ...containers.flatMap(({ Names }) => Names).filter((name) => name.includes(prefix)),
    ...images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((name) => name.includes(prefix)),
    ...mounts.filter((line) => line.includes(prefix)),
    ...stdout.split('\n').filter((line) => line.includes(prefix)),
  ]
}
