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

export interface RunOptions {
  /** NAME=VALUE */
  readonly env?: readonly string[]
  readonly user?: string
  readonly workingDir?: string
  /** empty: none */
  readonly entrypoint?: readonly string[]
  readonly binds?: readonly Bind[]
  readonly publish?: readonly PublishedPort[]
  /** `host`, `none`, `bridge`, or a network of the engine; the engine's default if absent */
  readonly network?: string
  /** NAME:IP */
  readonly addHosts?: readonly string[]
  readonly dns?: readonly string[]
  /** -1: all */
  readonly gpus?: number
  readonly capAdd?: readonly string[]
  readonly privileged?: boolean
  readonly shmBytes?: number
  readonly memoryBytes?: number
  readonly interactive?: boolean
  readonly tty?: boolean
}

/** By the host's port: the container's behind it. */
export const publishedPorts = ({ publish = [] }: RunOptions): ReadonlyMap<number, number> =>
  new Map(publish.map(({ hostPort, containerPort }) => [Number(hostPort), containerPort]))
