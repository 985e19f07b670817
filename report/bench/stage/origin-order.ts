/** What the thread of the stage's registry starts with. */
import type { Platform } from '../../../image/types.ts'
import type { Trace } from '../../../tracer/trace/file.ts'

export interface OriginOrder {
  readonly images: readonly ServedImage[]
  readonly registry: RegistryAccess
}

export interface ServedImage {
  /** `name:tag` */
  readonly name: string
  /** for `openSource` */
  readonly reference: string
  readonly platform: Platform
  /** served as attached to it */
  readonly profiles: readonly NamedProfile[]
}

export interface NamedProfile {
  readonly name: string
  readonly trace: Trace
}

export interface RegistryAccess {
  readonly insecure?: boolean
  readonly caFile?: string
}
