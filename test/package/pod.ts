/** What a pod of `deploy` is given, as `docker run` is told it: its user, its rights, and its scratch volumes as the kubelet makes them. */
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'

const rights = z.looseObject({
  runAsUser: z.number().optional(),
  readOnlyRootFilesystem: z.boolean().optional(),
  capabilities: z.looseObject({ drop: z.array(z.string()).optional() }).optional(),
})
const container = z.looseObject({
  command: z.array(z.string()),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
  securityContext: rights.default({}),
  volumeMounts: z.array(
    z.looseObject({ name: z.string(), mountPath: z.string(), subPath: z.string().optional() }),
  ),
})
const workload = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    template: z.looseObject({
      spec: z.looseObject({
        securityContext: rights.default({}),
        initContainers: z.array(container).default([]),
        containers: z.tuple([container]),
        volumes: z.array(z.looseObject({ name: z.string(), emptyDir: z.looseObject({}).optional() })),
      }),
    }),
  }),
})

export interface PodRuns {
  /** flags and command of each container that comes first */
  readonly first: readonly { readonly flags: readonly string[]; readonly command: readonly string[] }[]
  /** of the container that works */
  readonly flags: readonly string[]
}

/**
 * @param name of the workload, in a file of `deploy`
 * @param folder where its scratch volumes are made
 */
export async function podOf(file: string, name: string, folder: string): Promise<PodRuns> {
  const documents = parseAllDocuments(await readFile(file, 'utf8')).map((each) => each.toJS())
  const found = documents
    .map((each) => workload.safeParse(each).data)
    .find((each) => each?.metadata.name === name)
  if (!found) throw new Error(`${file} has no ${name}`)
  const { spec } = found.spec.template
  const scratch = new Map(
    spec.volumes.flatMap((volume) => (volume.emptyDir ? [[volume.name, join(folder, volume.name)]] : [])),
  )
  for (const place of scratch.values()) {
    await mkdir(place)
    await chmod(place, 0o777) // and no sticky bit
  }
  const flagsOf = ({ securityContext, volumeMounts, env }: z.infer<typeof container>): string[] => {
    const { runAsUser, readOnlyRootFilesystem, capabilities } = {
      ...spec.securityContext,
      ...securityContext,
    }
    return [
      ...(runAsUser === undefined ? [] : ['--user', `${runAsUser}:${runAsUser}`]),
      ...(readOnlyRootFilesystem ? ['--read-only'] : []),
      ...(capabilities?.drop ?? []).flatMap((each) => ['--cap-drop', each]),
      ...env.flatMap(({ name: variable, value }) =>
        value === undefined || variable === 'DOCKER_CONFIG' ? [] : ['--env', `${variable}=${value}`],
      ),
      ...volumeMounts.flatMap((mount) => {
        const place = scratch.get(mount.name)
        return place ? ['--volume', `${join(place, mount.subPath ?? '')}:${mount.mountPath}`] : []
      }),
    ]
  }
  return {
    first: spec.initContainers.map((each) => ({ flags: flagsOf(each), command: each.command })),
    flags: flagsOf(spec.containers[0]),
  }
}
