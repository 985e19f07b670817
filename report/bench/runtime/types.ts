/** What pulls and starts an image for a sample. Runtimes are siblings behind the table in `index.ts`. */
import type { Image } from '../../../image/types.ts'
import type { Workspace } from '../../../system/workspace.ts'
import type { RunOptions } from '../../../tracer/container/options/run-options.ts'
import type { ReadyCheck } from '../../../tracer/container/readiness/readiness.ts'
import type { Ground } from '../../../tracer/container/readiness/ready-on.ts'
import type { Engine, EngineName } from '../../../tracer/container/types.ts'
import type { ArmKind, BenchSample, Phase } from '../file.ts'
import type { LinkRequest } from '../link/messages.ts'
import type { LayerOffsets } from '../link/requests.ts'
import type { Marks } from '../link/traffic.ts'

export type RuntimeName = 'builtin' | 'run' | 'docker' | 'containerd'

/** Which runtime pulls and starts, and for containerd which one it is. */
export interface RuntimeChoice {
  readonly name: RuntimeName
  /** its socket, or `own`; without: the machine's if it can pull lazily, else `own` */
  readonly containerd?: string
  /** for a containerd that is started for each sample: the stargz snapshotter's daemon, `containerd-stargz-grpc` by default */
  readonly snapshotter?: string
}

/** How the container is started: the same for every sample. */
export interface StartSettings {
  /** replaces the image's `Cmd`, unless empty */
  readonly command: readonly string[]
  readonly run: RunOptions
  readonly ready: ReadyCheck
  readonly timeoutMs?: number
  /** of the built-in runtime */
  readonly engine?: EngineName
}

/** Starts the containers of a measurement, all of them alike. */
export interface Starter {
  readonly settings: StartSettings
  /**
   * @param root writable; ignored by an engine that starts images it pulled
   * @returns once it is ready
   */
  start(cycle: Cycle, engine: Engine, root: string, choices?: StartChoices): Promise<ReadyContainer>
}

export interface StartChoices {
  /** called right before the container starts */
  readonly beforeStart?: () => Promise<void>
  /** the mount or daemon that the container lives by */
  readonly ground?: Ground
}

export interface ReadyContainer extends AsyncDisposable {
  /** ms since 1970 */
  readonly startedAt: number
  readonly readyAt: number
}

/** What a runtime is opened with, once for a measurement. */
export interface RuntimeRequest {
  readonly runtime: RuntimeChoice
  readonly starter: Starter
  /** how to run headstart itself: a program and its first arguments */
  readonly headstart?: readonly string[]
  readonly signal?: AbortSignal
}

/** One pull and start from nothing. */
export interface Cycle {
  readonly kind: ArmKind
  /** as it was staged */
  readonly image: Image
  readonly layers: readonly LayerOffsets[]
  /** host and port of the link, plain HTTP */
  readonly host: string
  /** `name:tag` there, which no other sample has used */
  readonly name: string
  /** empty */
  readonly workspace: Workspace
  /** Drops caches, and has the link serve this name alone: the clock may start. @throws the signal's reason */
  readonly begin: () => Promise<void>
  /** what the link has recorded since it began */
  readonly requests: () => Promise<readonly LinkRequest[]>
  readonly signal?: AbortSignal
}

/** An image pulled onto this machine, before its container starts. */
export interface PulledRoot {
  /** the mount, where it is one */
  readonly ground?: Ground
  readonly folder: string
  /** ms since 1970 */
  readonly ends: Pick<Record<Phase, number>, 'resolve' | 'tocs' | 'prefetch'>
  readonly unpack: BenchSample['unpack']
}

/** A pull and start that reached ready, its container still running; disposing ends and removes the container. */
export interface ReadyCycle extends AsyncDisposable {
  readonly marks: Marks
  /** full pulls only: how long each layer took to unpack */
  readonly unpack: BenchSample['unpack']
}

/** Prepared before the clock starts; disposing removes what was prepared. */
export interface PreparedCycle extends AsyncDisposable {
  run(): Promise<ReadyCycle>
}

/** Ready for a measurement's samples; disposing releases what lasted for all of them. */
export interface OpenRuntime extends AsyncDisposable {
  readonly name: RuntimeName
  /** programs on the PATH whose versions belong in the file */
  readonly programs: readonly string[]
  /** versions known otherwise */
  readonly versions: Readonly<Record<string, string>>
  /** it looks for profiles that are attached to the image */
  readonly usesProfiles?: boolean
  /** what was found and is used, in one line; without: there was nothing to choose */
  readonly chosen?: string
  /** Prepares what must exist before the clock starts. */
  prepareCycle(cycle: Cycle): Promise<PreparedCycle>
}

export interface Runtime {
  readonly arms: readonly ArmKind[]
  /**
   * @param workspace lasts as long as the measurement
   * @throws HeadstartError E_RUNTIME: this machine can't use it; E_OPTION: it does not support one of the container's options
   */
  open(request: RuntimeRequest, workspace: Workspace): Promise<OpenRuntime>
}
