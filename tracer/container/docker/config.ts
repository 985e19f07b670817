/** The request to the Docker engine's API that creates a container. Pure. */
import type Docker from 'dockerode'
import type { RunOptions } from '../options/run-options.ts'
import type { ProcessRequest } from '../types.ts'

/** What we made in an engine is found by this label; its value is the workspace's ID. */
export const LABEL = 'headstart'
/** The mark of the process that it was made for: by it is told, also from another pid namespace, whether it is left over. */
export const OWNER_LABEL = 'headstart.owner'
/** What it runs, for whoever looks at the engine's list: the image's name, which the shell's name has only a part of. */
const IMAGE_LABEL = 'headstart.image'

export interface Created {
  /** the engine's name for it */
  readonly image: string
  /** the root's folders and files, see `shell.ts`; none where the image has them itself */
  readonly binds: readonly Docker.MountSettings[]
  /** of us */
  readonly mark: string
  /** the engine is where we can't make the folders that are mounted: it does */
  readonly outside?: boolean
}

export function containerConfig(
  request: Pick<ProcessRequest, 'id' | 'image' | 'process' | 'options' | 'detached' | 'terminal' | 'facts'>,
  { image, binds, mark, outside = false }: Created,
): Docker.ContainerCreateOptions {
  const { id, process, options, detached = false, terminal, facts } = request
  const { interactive = false, tty = false, hostname, readOnly = false } = options
  const size = terminal?.size()
  const root = binds.map((bind) => ({ ...bind, ...(readOnly && { ReadOnly: true }) }))
  return {
    name: options.name ?? id,
    Image: image,
    Labels: {
      ...facts?.labels,
      ...(request.image !== undefined && { [IMAGE_LABEL]: request.image }),
      ...options.labels,
      [LABEL]: id,
      [OWNER_LABEL]: mark,
    },
    Entrypoint: [process.args[0] ?? ''],
    Cmd: process.args.slice(1),
    Env: [...process.env],
    WorkingDir: process.cwd,
    User: process.user,
    Tty: tty,
    OpenStdin: interactive,
    StdinOnce: interactive && !detached,
    AttachStdin: interactive && !detached,
    ...(hostname !== undefined && { Hostname: hostname }),
    ...(process.stopSignal !== undefined && { StopSignal: process.stopSignal }),
    ...(facts?.healthcheck && { Healthcheck: { ...facts.healthcheck } }),
    ExposedPorts: Object.fromEntries(exposedPorts(request).map((port) => [port, {}])),
    HostConfig: {
      ...hostConfig(options),
      ...limitsOf(options),
      Mounts: [...root, ...bindsOf(options, outside)],
      ...(outside && { Binds: madeBindsOf(options) }),
      // Older engines give a terminal its size only once the container runs.
      ...(size && { ConsoleSize: [size.rows, size.columns] }),
    },
  }
}

const exposedPorts = ({ options, facts }: Pick<ProcessRequest, 'options' | 'facts'>): string[] => [
  ...(facts?.exposedPorts ?? []),
  ...(options.publish ?? []).map((port) => `${port.containerPort}/${port.protocol}`),
]

const bindsOf = ({ binds = [] }: RunOptions, outside: boolean): Docker.MountSettings[] =>
  binds
    .filter(({ type, create }) => type !== 'tmpfs' && !(outside && create))
    .map(({ type, source, target, readOnly }) => ({
      Type: type,
      Source: source,
      Target: target,
      ReadOnly: readOnly,
    }))

/** As -v itself: the engine makes the folder if it isn't there. */
const madeBindsOf = ({ binds = [] }: RunOptions): string[] =>
  binds
    .filter(({ create }) => create)
    .map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ':ro' : ''}`)

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
    ...(options.publishAll && { PublishAllPorts: true }),
    ExtraHosts: [...(options.addHosts ?? [])],
    Dns: [...(options.dns ?? [])],
    CapAdd: [...(options.capAdd ?? [])],
    CapDrop: [...(options.capDrop ?? [])],
    Privileged: options.privileged ?? false,
    ReadonlyRootfs: options.readOnly ?? false,
    ...(options.init && { Init: true }),
    ...(options.groups && { GroupAdd: [...options.groups] }),
    ...(options.security && { SecurityOpt: [...options.security] }),
    ...(options.network !== undefined && { NetworkMode: options.network }),
    ...(options.pid !== undefined && { PidMode: options.pid }),
    ...(options.ipc !== undefined && { IpcMode: options.ipc }),
    ...(options.sysctls && { Sysctls: { ...options.sysctls } }),
  }
}

function limitsOf(options: RunOptions): Docker.HostConfig {
  const { ulimits, devices, shmBytes, memoryBytes, cpus, pids, gpus } = options
  return {
    ...(shmBytes !== undefined && { ShmSize: shmBytes }),
    ...(memoryBytes !== undefined && { Memory: memoryBytes }),
    ...(cpus !== undefined && { NanoCpus: Math.round(cpus * 1e9) }),
    ...(pids !== undefined && { PidsLimit: pids }),
    ...(ulimits && {
      Ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    }),
    ...(devices && {
      Devices: devices.map(({ source, target, access }) => ({
        PathOnHost: source,
        PathInContainer: target,
        CgroupPermissions: access,
      })),
    }),
    ...(gpus !== undefined && { DeviceRequests: [{ Count: gpus, Capabilities: [['gpu']] }] }),
  }
}
