/** A trace in numbers: how little of the image the start needed, and where it is. Pure. */

import { bytesBeforeReady } from './diff.ts'
import type { Trace } from './file.ts'

export interface Share {
  readonly name: string
  /** files read before ready */
  readonly files: number
  /** bytes read before ready */
  readonly bytes: number
}

export interface PartlyRead {
  readonly path: string
  readonly size: number
  readonly bytes: number
}

export interface TraceSummary {
  readonly readyMs: number | null
  readonly readyBy: Trace['run']['ready']['by']
  readonly durationMs: number
  readonly image: { readonly files: number; readonly bytes: number }
  /** before ready */
  readonly read: { readonly files: number; readonly bytes: number; readonly share: number }
  /** touched and not read, or only after ready */
  readonly touchedOnly: number
  readonly afterReady: number
  readonly symlinks: number
  readonly lookups: Trace['lookups']
  /** by first folder, largest first; files at the root are `/` */
  readonly folders: readonly Share[]
  /** by layer index, base first; empty without `layerOf` */
  readonly layers: readonly Share[]
  /** large files of which less than half was read, largest unread part first */
  readonly partly: readonly PartlyRead[]
}

const MAX_PARTLY = 20
const MIN_PARTLY_SIZE = 256 << 10

/** @param layerOf index of the layer that owns a path of the trace */
export function summarizeTrace(trace: Trace, layerOf?: (path: string) => number | undefined): TraceSummary {
  const { image, run, lookups } = trace
  const read = trace.files
    .map((file) => ({ path: file.path, size: file.size, bytes: bytesBeforeReady(file) }))
    .filter(({ bytes }) => bytes > 0)
  const bytes = read.reduce((sum, one) => sum + one.bytes, 0)
  const layers = layerOf ? shares(read, ({ path }) => String(layerOf(path) ?? '')) : []
  return {
    readyMs: run.ready.ms,
    readyBy: run.ready.by,
    durationMs: run.durationMs,
    image: { files: image.files, bytes: image.bytes },
    read: { files: read.length, bytes, share: image.bytes === 0 ? 0 : bytes / image.bytes },
    touchedOnly: trace.files.filter(
      (file) => file.type === 'reg' && !file.afterReady && file.ranges.length === 0,
    ).length,
    afterReady: trace.files.filter((file) => file.afterReady).length,
    symlinks: trace.files.filter((file) => file.type === 'symlink').length,
    lookups,
    folders: shares(read, ({ path }) => (path.includes('/') ? (path.split('/')[0] ?? '/') : '/')).sort(
      (a, b) => b.bytes - a.bytes,
    ),
    layers: layers.filter(({ name }) => name !== '').sort((a, b) => Number(a.name) - Number(b.name)),
    partly: read
      .filter((one) => one.size >= MIN_PARTLY_SIZE && one.bytes < one.size / 2)
      .sort((a, b) => b.size - b.bytes - (a.size - a.bytes))
      .slice(0, MAX_PARTLY),
  }
}

function shares(read: readonly PartlyRead[], nameOf: (file: PartlyRead) => string): Share[] {
  const found = new Map<string, { name: string; files: number; bytes: number }>()
  for (const file of read) {
    const name = nameOf(file)
    const share = found.get(name) ?? { name, files: 0, bytes: 0 }
    share.files++
    share.bytes += file.bytes
    found.set(name, share)
  }
  return [...found.values()]
}
