/** What passes between a link and the thread of its proxy. */
import type { BenchLink } from '../file.ts'

/** What the thread starts with; it answers with the port it listens on. */
export interface ProxyOrder {
  /** `host:port` of a registry that speaks plain HTTP */
  readonly upstream: string
  readonly shape: BenchLink
}

export interface ProxyStarted {
  readonly port: number | undefined
}

/** To the thread, which replies with the same `id`. */
export interface ProxyQuestion {
  readonly id: number
  /** start over, with the registry's images below this name */
  readonly begin?: string
}

export interface ProxyReply {
  readonly id: number
  /** since the last `begin`, in the order they began */
  readonly requests: readonly LinkRequest[]
}

export interface LinkRequest {
  readonly method: string
  /** path and query, without credentials */
  readonly path: string
  /** the Range header */
  readonly range: string | undefined
  /** 0: no response yet */
  readonly status: number
  /** of the body, as far as it has arrived */
  readonly bytes: number
  /** ms since 1970, with fractions */
  readonly startedAt: number
  /** undefined: still in progress */
  readonly endedAt: number | undefined
  /** it paid for a new connection */
  readonly connected: boolean
  /** [ms since 1970, bytes that arrived since the entry before this one] */
  readonly arrivals: readonly (readonly [number, number])[]
}
