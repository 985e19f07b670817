/** The files of an image, how the start used them, and their columns for the page, within a size limit. Pure. */
import { deflateRawSync } from 'node:zlib'
import type { Trace } from '../../../tracer/trace/file.ts'
import type { BenchImage } from '../../bench/file.ts'
import type { FileColumns, PageData } from '../shared/data.ts'

export interface FileFact {
  readonly path: string
  /** -1: not known */
  readonly layer: number
  readonly size: number
  readonly packed: number
  /** 1: in it; 2: only ranges, ahead of it */
  readonly zone: 0 | 1 | 2
  /** bytes of content in these ranges; 0: none, or not known */
  readonly ahead: number
  /** bytes read before ready; undefined: not touched */
  readonly read: number | undefined
  readonly openMs: number
  readonly readMs: number
}

const byPath = (a: FileFact, b: FileFact): number => (a.path < b.path ? -1 : 1)

const readBytes = (ranges: readonly (readonly [number, number])[]): number =>
  ranges.reduce((sum, [start, end]) => sum + end - start, 0)

/** Every file that the image lists or the trace touched, sorted by path. */
export function collectFiles(trace: Trace | undefined, image: BenchImage | undefined): FileFact[] {
  const facts = new Map<string, FileFact>()
  for (const [path, layer, size, packed, zone, ahead = 0] of image?.files ?? [])
    facts.set(path, { path, layer, size, packed, zone, ahead, read: undefined, openMs: -1, readMs: -1 })
  for (const file of trace?.files ?? []) {
    if (file.type !== 'reg') continue
    const known = facts.get(file.path)
    facts.set(file.path, {
      path: file.path,
      layer: known?.layer ?? -1,
      size: file.size,
      packed: known?.packed ?? 0,
      zone: known?.zone ?? 0,
      ahead: known?.ahead ?? 0,
      read: readBytes(file.ranges),
      openMs: file.firstOpenMs,
      readMs: file.firstReadMs ?? -1,
    })
  }
  return [...facts.values()].sort(byPath)
}

/** Keeps touched files and those in the zone, then the others, largest first, as far as the budget allows. */
export function toColumns(
  files: readonly FileFact[],
  budgetBytes: number,
): { columns: FileColumns; unlisted: PageData['unlisted'] } {
  const matters = (file: FileFact) => Number(file.read !== undefined || file.zone > 0)
  const ranked = files.toSorted((a, b) => matters(b) - matters(a) || b.size - a.size)
  let columns = columnsOf(files)
  let keep = files.length
  for (let size = packedSize(columns); size > budgetBytes && keep > 0; size = packedSize(columns)) {
    keep = Math.floor(keep * Math.min(0.95, budgetBytes / size))
    columns = columnsOf(ranked.slice(0, keep).sort(byPath))
  }
  return { columns, unlisted: sumByFolder(ranked.slice(keep)) }
}

const packedSize = (columns: FileColumns): number =>
  deflateRawSync(new TextEncoder().encode(JSON.stringify(columns)), { level: 6 }).length

function sumByFolder(files: readonly FileFact[]): PageData['unlisted'] {
  const sums = new Map<string, [string, number, number, number, number]>()
  for (const { path, layer, size, packed } of files) {
    const folder = path.split('/').slice(0, -1).slice(0, 3).join('/')
    const key = `${layer}/${folder}`
    const sum = sums.get(key) ?? [folder, layer, 0, 0, 0]
    sum[2]++
    sum[3] += size
    sum[4] += packed
    sums.set(key, sum)
  }
  return [...sums.values()]
}

function columnsOf(files: readonly FileFact[]): FileColumns {
  const shared: number[] = []
  let before = ''
  const suffixes = files.map(({ path }) => {
    let same = 0
    while (same < path.length && path[same] === before[same]) same++
    shared.push(same)
    before = path
    return path.slice(same)
  })
  return {
    paths: suffixes.join('\0'),
    shared,
    layer: files.map((file) => file.layer),
    size: files.map((file) => file.size),
    packed: files.map((file) => Math.round((file.packed / Math.max(1, file.size)) * 100)),
    zone: files.map((file) => file.zone),
    ahead: files.map((file) => file.ahead),
    read: files.map((file) => file.read ?? -1),
    openMs: files.map((file) => Math.round(file.openMs * 10) / 10),
    readMs: files.map((file) => Math.round(file.readMs * 10) / 10),
  }
}
