/** What runs a container on a root of ours. Engines are siblings behind the table in `index.ts`. */
import type { Socket } from 'node:net'
import type { ProcessPlan } from './process.ts'
import type { RunOptions } from './run-options.ts'

export type EngineName = 'docker' | 'runc'
export type OutputStream = 'stdout' | 'stderr'

export interface ContainerRequest {
  /** unique; the container and all that is made for it carry it as name or label */
  readonly id: string
  /** a folder of ours for the engine's files */
  readonly folder: string
  /** a folder of ours for what tells of the container, should we be killed */
  readonly state: string
  /** writable root */
  readonly root: string
  /** the same tree, for reading users and groups */
  readonly plainRoot: string
  readonly process: ProcessPlan
  readonly options: RunOptions
  readonly onOutput: (stream: OutputStream, chunk: Buffer) => void
  /** standard input of the container, with `options.interactive` */
  readonly input?: NodeJS.ReadableStream
  /** Called when all is prepared, right before the container starts. */
  readonly beforeStart: () => Promise<void>
  readonly signal?: AbortSignal
}

export interface Container extends AsyncDisposable {
  /** the host that `localhost` in the container is reached at; undefined without network */
  readonly address: string | undefined
  /** to a port of it, where its network is its own and `address` has a meaning there alone. Rejects where nobody listens. */
  readonly connect?: (port: number) => Promise<Socket>
  /** published ports: the host's, and the container's behind it */
  readonly ports: ReadonlyMap<number, number>
  /** exit status, once all output was told; 128 + signal where one ended it */
  readonly exited: Promise<number>
  /** @returns status of a command run in the container */
  exec(command: readonly string[], signal?: AbortSignal): Promise<number>
  kill(signal: string): Promise<void>
}

export interface Engine {
  readonly name: EngineName
  /** Why it can't be used on this machine, in words; undefined when it can. */
  unavailable(): Promise<string | undefined>
  /** Starts a container; disposing kills and removes it. @throws HeadstartError E_RUN, E_OPTION */
  run(request: ContainerRequest): Promise<Container>
  /** Ends and removes all that carries this id; `state` is what `run` was given, whether it is still there or not. */
  sweep(id: string, state: string): Promise<void>
}
