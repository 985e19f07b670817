/** The columns of files, unpacked: whole paths, and the state of each file. */
import type { FileColumns, PageData } from '../shared/data.ts'

/** `zone`: prefetched; `ranges`: in part; `demand`: read, outside the zone; `opened`: not read; `never`: not touched, or unknown. */
export type FileState = 'zone' | 'ranges' | 'demand' | 'opened' | 'never'

/** One row for each file, as in the packed columns, except for: */
export interface Files extends Omit<FileColumns, 'paths' | 'shared'> {
  readonly count: number
  readonly path: readonly string[]
  /** bytes in the blob */
  readonly packed: readonly number[]
  readonly state: readonly FileState[]
}

const STATE_LABELS = {
  zone: 'In the zone',
  ranges: 'In the zone in part',
  demand: 'Read, not in the zone',
  opened: 'Opened, not read',
  never: 'Never touched',
} as const satisfies Record<FileState, string>

/** Without a zone or a trace, less is known of a file. */
export function stateLabel(state: FileState, { layers, traced }: PageData): string {
  if (state === 'demand' && layers.length === 0) return 'Read'
  if (state === 'never' && !traced) return 'Not in the zone'
  return STATE_LABELS[state]
}

export function unpackFiles({ files }: PageData): Files {
  let before = ''
  const suffixes = files.shared.length === 0 ? [] : files.paths.split('\0')
  const path = suffixes.map((suffix, index) => {
    before = before.slice(0, files.shared[index] ?? 0) + suffix
    return before
  })
  return {
    ...files,
    count: path.length,
    path,
    packed: files.size.map((size, index) => Math.round((size * (files.packed[index] ?? 0)) / 100)),
    state: path.map((_, index): FileState => {
      if (files.zone[index] === 1) return 'zone'
      if (files.zone[index] === 2) return 'ranges'
      if ((files.readMs[index] ?? -1) >= 0) return 'demand'
      return (files.openMs[index] ?? -1) >= 0 ? 'opened' : 'never'
    }),
  }
}
