/** How a container is run: the options of `docker run` as one object. */

/** A folder, file or volume of the host in the container. */
export interface Bind {
  readonly type: 'bind' | 'volume' | 'tmpfs'
  /** absolute path of the host, or a volume's name ('' for one without); '' for tmpfs */
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
  /** the source is made, as a folder, if it isn't there */
  readonly create?: boolean
  /** the source was given as a path from the folder that we were called in */
  readonly relative?: boolean
  /** of the mount, with tmpfs: `size=64m`, `mode=1770`, `exec`, … */
  readonly options?: readonly string[]
}

export interface PublishedPort {
  readonly hostIp: string
  /** '' lets the engine choose */
  readonly hostPort: string
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp'
}

export interface Ulimit {
  /** `nofile`, `nproc`, … */
  readonly name: string
  /** -1: none */
  readonly soft: number
  readonly hard: number
}

/** Of the host, in the container. */
export interface Device {
  readonly source: string
  readonly target: string
  /** some of `rwm` */
  readonly access: string
}

/** `host`, `container:NAME`, or what else the engine knows */
export type NamespaceOption = string

export interface RunOptions {
  /** of the container, in an engine that names them */
  readonly name?: string
  readonly hostname?: string
  readonly labels?: Readonly<Record<string, string>>
  /** NAME=VALUE */
  readonly env?: readonly string[]
  readonly user?: string
  readonly workingDir?: string
  /** empty: none */
  readonly entrypoint?: readonly string[]
  readonly binds?: readonly Bind[]
  readonly publish?: readonly PublishedPort[]
  /** all that the image exposes, on ports of the engine's choice */
  readonly publishAll?: boolean
  /** `host`, `none`, `bridge`, or a network of the engine; the engine's default if absent */
  readonly network?: string
  /** NAME:IP */
  readonly addHosts?: readonly string[]
  readonly dns?: readonly string[]
  /** -1: all */
  readonly gpus?: number
  readonly capAdd?: readonly string[]
  readonly capDrop?: readonly string[]
  readonly privileged?: boolean
  readonly shmBytes?: number
  readonly memoryBytes?: number
  /** how much of them it may use, e.g. 1.5 */
  readonly cpus?: number
  /** how many processes it may have */
  readonly pids?: number
  readonly ulimits?: readonly Ulimit[]
  readonly devices?: readonly Device[]
  readonly sysctls?: Readonly<Record<string, string>>
  /** as the engine's API takes them: a seccomp profile is there with its content */
  readonly security?: readonly string[]
  readonly pid?: NamespaceOption
  readonly ipc?: NamespaceOption
  /** supplementary ones, names or numbers */
  readonly groups?: readonly string[]
  /** what asks the container to stop, e.g. SIGTERM; the image's own if absent */
  readonly stopSignal?: string
  /** a small init reaps processes and passes on signals */
  readonly init?: boolean
  /** of the root */
  readonly readOnly?: boolean
  readonly interactive?: boolean
  readonly tty?: boolean
}

/** By the host's port: the container's behind it. */
export const publishedPorts = ({ publish = [] }: RunOptions): ReadonlyMap<number, number> =>
  new Map(publish.map(({ hostPort, containerPort }) => [Number(hostPort), containerPort]))
