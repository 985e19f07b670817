/** What headstart made in the Docker engine, found by its labels and names, and removed. */
import { noEngine } from '../../../image/daemon/client.ts'
import { ANSWER_MS, connectLocalEngine } from '../../../image/daemon/connection.ts'
import { type Owner, ownerOf } from '../../../system/process/owner.ts'
import { LABEL, OWNER_LABEL } from './config.ts'
import { ignoreMissing } from './errors.ts'
import { idOf, SHELLS, shellsOf } from './shell-name.ts'

/** Also one outside of our own container: what is left in it is removed from there. */
export async function engineAnswers(): Promise<boolean> {
  try {
    await (await connectLocalEngine({ limitMs: ANSWER_MS })).ping()
    return true
  } catch {
    return false
  }
}

export interface EngineObject {
  readonly id: string
  /** undefined: it doesn't say */
  readonly owner: Owner | undefined
}

/**
 * Everything of headstart in the engine, whoever made it: a request that was under way when its sender was killed is still carried out,
 * possibly after the sender's workspace is gone.
 */
export async function listObjects(): Promise<EngineObject[]> {
  const docker = await connectLocalEngine({ limitMs: ANSWER_MS })
  const containers = await docker.listContainers({ all: true, filters: { label: [LABEL] } })
  const images = await docker.listImages({ filters: { reference: [...SHELLS] } })
  return [
    ...containers.map(({ Labels }) => ({ id: Labels[LABEL] ?? '', owner: ownerOf(Labels[OWNER_LABEL]) })),
    ...images.flatMap(({ RepoTags, Labels }) =>
      (RepoTags ?? []).map((tag) => ({
        id: idOf(tag),
        owner: ownerOf(Labels?.[OWNER_LABEL]),
      })),
    ),
  ]
}

/** Containers and images with this ID. An engine that hangs or is gone is not waited for: a later command sweeps what has our mark. */
export async function removeObjects(id: string): Promise<void> {
  try {
    const docker = await connectLocalEngine({ limitMs: ANSWER_MS })
    const filters = { label: [`${LABEL}=${id}`] }
    for (const { Id } of await docker.listContainers({ all: true, filters }))
      await ignoreMissing(docker.getContainer(Id).remove({ force: true, v: true }))
    for (const { RepoTags } of await docker.listImages({ filters: { reference: shellsOf(id) } }))
      for (const name of RepoTags ?? []) await ignoreMissing(docker.getImage(name).remove({ force: true }))
  } catch (error) {
    if (!noEngine(error)) throw error
  }
}
