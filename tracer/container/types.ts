/** What runs a container on a root that we prepared. Engines are siblings behind the table in `index.ts`. */
import type { Socket } from 'node:net'
import type { EngineFacts } from '../../image/config.ts'
import type { ProcessPlan } from './options/process.ts'
import type { RunOptions } from './options/run-options.ts'

export type EngineName = 'docker' | 'runc'
export type OutputStream = 'stdout' | 'stderr'

/** The caller's terminal, which a container with a terminal of its own shows itself on. */
export interface Terminal {
  /** undefined: it isn't known */
  size(): { readonly columns: number; readonly rows: number } | undefined
  /** Calls it whenever the size has changed. */
  onResize(changed: () => void): Disposable
}

/** What an engine runs, whatever its root. */
export interface ProcessRequest {
  /** unique; the container and everything made for it have it as name or label */
  readonly id: string
  /** as it was named: what the engine's lists show it by */
  readonly image?: string
  /** for the engine's files */
  readonly folder: string
  /** for what a later command needs to find the container if we are killed */
  readonly state: string
  readonly process: ProcessPlan
  readonly options: RunOptions
  /** No more is read until what it returns has resolved. */
  readonly onOutput: (stream: OutputStream, chunk: Buffer) => void | Promise<void>
  /** Nobody wants its output, and it has no input: the engine keeps what it keeps. */
  readonly detached?: boolean
  /** Nobody connects to it from here, as readiness checks do. */
  readonly unreached?: boolean
  /** with `options.tty` */
  readonly terminal?: Terminal
  /** of an image that the engine doesn't have itself */
  readonly facts?: EngineFacts
  /** standard input of the container, with `options.interactive` */
  readonly input?: NodeJS.ReadableStream
  /** Called when everything is prepared, right before the container starts. */
  readonly beforeStart: () => Promise<void>
  readonly signal?: AbortSignal
}

export interface ContainerRequest extends ProcessRequest {
  /** writable root */
  readonly root: string
  /** the same tree, for reading users and groups */
  readonly plainRoot: string
}

export interface Container extends AsyncDisposable {
  /** by which the engine's own commands know it; undefined: it has none */
  readonly id?: string
  /** the address at which the container's `localhost` is reached; undefined without a network */
  readonly address: string | undefined
  /** connects to one of its ports, if its network is its own and `address` is valid only in there. Rejects if nothing is listening. */
  readonly connect?: (port: number) => Promise<Socket>
  /** published ports: the host's, and the container's behind it */
  readonly ports: ReadonlyMap<number, number>
  /** exit status, once all output has been delivered; 128 + signal if a signal ended it */
  readonly exited: Promise<number>
  /** @returns status of a command run in the container */
  exec(command: readonly string[], signal?: AbortSignal): Promise<number>
  /** Sends it a signal; one that has ended is left alone. */
  kill(signal: string): Promise<void>
}

/** What an engine is wanted for. */
export interface EngineWish extends Pick<ProcessRequest, 'unreached'> {
  readonly signal?: AbortSignal | undefined
}

export interface Engine {
  readonly name: EngineName
  /** Why it can't be used for that on this machine, in words; undefined if it can. */
  unavailable(wish?: EngineWish): Promise<string | undefined>
  /** Starts a container; disposing kills and removes it. @throws HeadstartError E_RUN, E_OPTION */
  run(request: ContainerRequest): Promise<Container>
  /** Ends and removes everything with this ID; `state` is the folder that `run` was given, which may be gone. */
  sweep(id: string, state: string): Promise<void>
}
