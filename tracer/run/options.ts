/** What is asked for when an image is run, and what its caller is told. */
import type { PullProgress } from '../../image/daemon/pull.ts'
import type { UnpackProgress } from '../../image/rootfs/unpack/layers.ts'
import type { RunOptions } from '../container/options/run-options.ts'
import type { Container, EngineName, ProcessRequest } from '../container/types.ts'
import type { PrefetchPlan } from '../mount/mount.ts'
import type { Access, LazyChoices } from './roots.ts'

export interface RunImageOptions
  extends Pick<ProcessRequest, 'onOutput' | 'input' | 'terminal' | 'detached'> {
  readonly reference: string
  /** replaces the image's `Cmd`, unless empty */
  readonly command: readonly string[]
  /** the first one that is available without */
  readonly engine?: EngineName
  readonly run: RunOptions
  readonly access: Access
  readonly lazy: LazyChoices
  /** Don't look in the engine for it. */
  readonly pullAlways?: boolean
  readonly onNote: (text: string) => void
  readonly onWarning: (text: string) => void
  /** while the engine pulls the image */
  readonly onPull: (progress: PullProgress) => void
  /** while it is unpacked here */
  readonly onUnpack: (progress: UnpackProgress) => void
  /** The root is there; the container is started next. */
  readonly onOpened: (lazy: LazyPart | undefined) => void
  /** The container runs. */
  readonly onRunning: (running: Running) => void
  /** until it runs */
  readonly abort: AbortSignal
  /** Removes what killed commands left, while the image is opened. */
  readonly sweep?: () => Promise<void>
}

export interface Running {
  readonly container: Container
  /** of an image that is read lazily */
  readonly lazy?: LazyPart
}

export interface LazyPart {
  readonly layers: number
  readonly prefetch: Promise<PrefetchPlan>
}
