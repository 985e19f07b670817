/** What pulls and starts an image for a sample. Runtimes are siblings behind the table in `index.ts`. */
import type { Image } from '../../../image/types.ts'
import type { Workspace } from '../../../system/workspace.ts'
import type { ReadyCheck } from '../../../tracer/container/readiness.ts'
import type { RunOptions } from '../../../tracer/container/run-options.ts'
import type { EngineName } from '../../../tracer/container/types.ts'
import type { ArmKind, BenchSample } from '../file.ts'
import type { LinkRequest } from '../link/link.ts'
import type { LayerPlan } from '../link/requests.ts'
import type { Marks } from '../link/traffic.ts'

export type RuntimeName = 'builtin' | 'docker' | 'containerd'

/** How the container is started: the same for every sample. */
export interface StartSettings {
  /** replaces the image's `Cmd`, unless empty */
  readonly command: readonly string[]
  readonly run: RunOptions
  readonly ready: ReadyCheck
  readonly timeoutMs: number | undefined
  /** of the built-in runtime */
  readonly engine: EngineName | undefined
  /** of containerd: its socket, or `own`; undefined: the machine's, where it can pull lazily, else `own` */
  readonly containerd: string | undefined
  /** of a containerd of our own: the stargz snapshotter's daemon, `containerd-stargz-grpc` by default */
  readonly snapshotter: string | undefined
}

export interface Cycle {
  readonly kind: ArmKind
  /** as it is behind the link */
  readonly image: Image
  /** where its layers' zones and tables of contents lie */
  readonly zones: readonly LayerPlan[]
  /** host and port of the link, plain HTTP */
  readonly host: string
  /** `name:tag` there, which no other sample has had */
  readonly name: string
  /** empty */
  readonly workspace: Workspace
  readonly start: StartSettings
  /** what the link has seen of this sample so far */
  readonly requests: () => Promise<readonly LinkRequest[]>
  readonly signal: AbortSignal | undefined
}

/** One pull and start, its container still running; disposing ends and removes it. */
export interface Started extends AsyncDisposable {
  readonly marks: Marks
  /** legacy only: what each layer took to unpack */
  readonly unpack: BenchSample['unpack']
}

/** What a whole measurement is taken with. */
export interface RunSetting {
  readonly start: StartSettings
  /** lasts as long as the measurement */
  readonly workspace: Workspace
  readonly signal: AbortSignal | undefined
}

/** Ready for a measurement's samples; disposing gives back what lasted for all of them. */
export interface OpenRuntime extends AsyncDisposable {
  readonly name: RuntimeName
  /** programs whose versions belong into the file */
  readonly programs: readonly string[]
  /** versions of what is no program of this machine's PATH */
  readonly versions: Readonly<Record<string, string>>
  /** what was found and is used, in a line; undefined where there is no choice */
  readonly chosen: string | undefined
  /** Brings what must be there before the clock starts into its fresh state. */
  prepare(cycle: Cycle): Promise<{ run(): Promise<Started> } & AsyncDisposable>
}

export interface Runtime {
  readonly arms: readonly ArmKind[]
  /** @throws HeadstartError E_RUNTIME: it can't be used on this machine; E_OPTION: it can't start a container so */
  open(setting: RunSetting): Promise<OpenRuntime>
}
