/** Runs the Go program beside it, which reads layers through the stargz snapshotter's own reader and cache: Debian's release and the newest. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { buildGo } from '../../../scripts/support/go.ts'
import { buildWithNewest } from '../../../scripts/support/newest.ts'
import type { PeerSet } from '../../../scripts/support/peers.ts'

export interface CachedLayer {
  readonly blob: string
  readonly tocDigest: string
  readonly tar: string
  /** asks only how many of them are cached by a prefetch */
  readonly ahead?: readonly { readonly path: string; readonly start: number; readonly end: number }[]
}

const lineOf = ({ blob, tocDigest, tar, ahead }: CachedLayer): string =>
  `${[blob, tocDigest, tar, ...(ahead ? [JSON.stringify(ahead)] : [])].join('\t')}\n`

/** @returns what it prints: faults, a line each, then how many files agree */
export async function readThroughCache(set: PeerSet, layers: readonly CachedLayer[]): Promise<string> {
  const folder = import.meta.dirname
  const program = await (set === 'debian' ? buildGo(folder) : buildWithNewest(folder))
  const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(layers.map(lineOf).join(''))
  return text(child.stdout)
}
