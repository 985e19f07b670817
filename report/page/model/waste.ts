/** What an image contains that its start never reads, by package or folder. Pure. */
import type { Trace } from '../../../tracer/trace/file.ts'
import { showPath } from '../shared/format.ts'
import { groupOf } from '../shared/groups.ts'
import type { FileFact } from './files.ts'

export interface WasteGroup {
  /** as it is shown */
  readonly group: string
  readonly files: number
  readonly size: number
  /** bytes in the blobs; 0: unknown */
  readonly packed: number
}

/** Groups in which no file was read, largest first. */
export function findWaste(files: readonly FileFact[], most: number): WasteGroup[] {
  const groups = new Map<string, { files: number; size: number; packed: number; read: boolean }>()
  for (const file of files) {
    const name = groupOf(file.path)
    const group = groups.get(name) ?? { files: 0, size: 0, packed: 0, read: false }
    group.files++
    group.size += file.size
    group.packed += file.packed
    group.read ||= file.readMs >= 0
    groups.set(name, group)
  }
  return [...groups]
    .flatMap(([group, { read, ...sums }]) =>
      read || sums.size === 0 ? [] : [{ group: showPath(group), ...sums }],
    )
    .sort((a, b) => b.packed - a.packed || b.size - a.size)
    .slice(0, most)
}

/** Packages of which no run of the trace touched a file. */
export const packageWaste = (trace: Trace | undefined, most: number): WasteGroup[] =>
  (trace?.unused?.packages ?? [])
    .map(({ manager, name, bytes, files }) => ({
      group: `${name} (${manager})`,
      files,
      size: bytes,
      packed: 0,
    }))
    .toSorted((a, b) => b.size - a.size)
    .slice(0, most)

/** Folders of which no run of the trace touched a file. */
export const folderWaste = (trace: Trace | undefined, most: number): WasteGroup[] =>
  (trace?.unused?.folders ?? [])
    .map(({ path, bytes, files }) => ({ group: showPath(path), files, size: bytes, packed: 0 }))
    .toSorted((a, b) => b.size - a.size)
    .slice(0, most)
