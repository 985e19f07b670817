/** The two landmark files: where they must stand, and what they must be. Source: eStargz specification, "Landmark Files". */
import { digestOf } from '../../digest.ts'
import { contentsOf } from './entries.ts'
import type { EstargzEntry } from './entry.ts'
import { LANDMARK_CONTENT, NO_PREFETCH_LANDMARK, PREFETCH_LANDMARK, type TocEntry } from './toc.ts'

const isLandmark = ({ path }: EstargzEntry): boolean =>
  path === PREFETCH_LANDMARK || path === NO_PREFETCH_LANDMARK

/** Readers don't see landmarks among the entries; a verifier must. */
export function withLandmarks(layer: {
  readonly toc: readonly TocEntry[]
  readonly tocOffset: number
}): readonly EstargzEntry[] {
  return contentsOf(layer.toc, layer.tocOffset, { landmarks: true }).entries
}

/** @param entries with landmarks, in blob order */
export function landmarkFaults(entries: readonly EstargzEntry[]): string[] {
  const found = entries.filter(isLandmark)
  const [landmark] = found
  // Others write none: the format allows it.
  if (landmark === undefined) return []
  if (found.length > 1) return [`has ${found.length} landmarks`]
  const faults: string[] = []
  const [chunk] = landmark.chunks
  if (landmark.type !== 'reg' || landmark.size !== 1 || landmark.digest !== digestOf(LANDMARK_CONTENT))
    faults.push(`${landmark.path} is not a file of one byte, 0x0f`)
  const position = entries.indexOf(landmark)
  if (landmark.path === NO_PREFETCH_LANDMARK && position !== 0)
    faults.push(`${landmark.path} is entry ${position}, not the first`)
  if (landmark.path === PREFETCH_LANDMARK && position === 0 && !entries.some(({ ahead }) => ahead.length > 0))
    faults.push(`${landmark.path} has nothing before it`)
  const shares = entries.some(
    (entry) => entry !== landmark && entry.chunks.some(({ offset }) => offset === chunk?.offset),
  )
  if (chunk && (chunk.innerOffset !== 0 || shares)) faults.push(`${landmark.path} shares its gzip member`)
  return faults
}
