/** The request to the Docker engine's API that creates a container. Pure. */
import type Docker from 'dockerode'
import type { RunOptions } from '../options/run-options.ts'
import type { ContainerRequest } from '../types.ts'

/** What we made in an engine is found by this label; its value is the workspace's ID. */
export const LABEL = 'headstart'
/** The mark of the process that it was made for: by it is told, also from another pid namespace, whether it is left over. */
export const OWNER_LABEL = 'headstart.owner'

/**
 * @param binds the root's folders and files, see `shell.ts`
 * @param mark of us
 */
export function containerConfig(
  { id, process, options }: Pick<ContainerRequest, 'id' | 'process' | 'options'>,
  image: string,
  binds: readonly Docker.MountSettings[],
  mark: string,
): Docker.ContainerCreateOptions {
  const { interactive = false, tty = false, publish = [] } = options
  return {
    name: id,
    Image: image,
    Labels: { [LABEL]: id, [OWNER_LABEL]: mark },
    Entrypoint: [process.args[0] ?? ''],
    Cmd: process.args.slice(1),
    Env: [...process.env],
    WorkingDir: process.cwd,
    User: process.user,
    Tty: tty,
    OpenStdin: interactive,
    StdinOnce: interactive,
    AttachStdin: interactive,
    ExposedPorts: Object.fromEntries(publish.map((port) => [`${port.containerPort}/${port.protocol}`, {}])),
    HostConfig: { ...hostConfig(options), Mounts: [...binds, ...bindsOf(options)] },
  }
}

const bindsOf = ({ binds = [] }: RunOptions): Docker.MountSettings[] =>
  binds
    .filter(({ type }) => type !== 'tmpfs')
    .map(({ type, source, target, readOnly }) => ({
      Type: type,
      Source: source,
      Target: target,
      ReadOnly: readOnly,
    }))

const tmpfsOf = ({ binds = [] }: RunOptions): Record<string, string> =>
  Object.fromEntries(
    binds
      .filter(({ type }) => type === 'tmpfs')
      .map(({ target, readOnly, options = [] }) => [target, [readOnly ? 'ro' : 'rw', ...options].join()]),
  )

function hostConfig(options: RunOptions): Docker.HostConfig {
  const ports = (options.publish ?? []).map(
    ({ containerPort, protocol, hostIp, hostPort }) =>
      [`${containerPort}/${protocol}`, [{ HostIp: hostIp, HostPort: hostPort }]] as const,
  )
  return {
    Tmpfs: tmpfsOf(options),
    PortBindings: Object.fromEntries(ports),
    ExtraHosts: [...(options.addHosts ?? [])],
    Dns: [...(options.dns ?? [])],
    CapAdd: [...(options.capAdd ?? [])],
    Privileged: options.privileged ?? false,
    ...(options.network !== undefined && { NetworkMode: options.network }),
    ...(options.shmBytes !== undefined && { ShmSize: options.shmBytes }),
    ...(options.memoryBytes !== undefined && { Memory: options.memoryBytes }),
    ...(options.gpus !== undefined && {
      DeviceRequests: [{ Count: options.gpus, Capabilities: [['gpu']] }],
    }),
  }
}
