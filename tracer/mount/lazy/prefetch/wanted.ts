/** What of an image is needed, and in which order: by a profile of its start, by the zones of its layers, or all that can be seen. Pure. */

import type { Group } from '../../../../image/estargz/read/groups.ts'
import type { Piece, ZoneGroup } from '../../../../image/estargz/read/zone-first.ts'
import { bytesOf as pathBytes } from '../../../../system/text/byte-path.ts'
import type { Trace, TraceFile } from '../../../trace/file.ts'
import { holdsAny } from '../../ranges.ts'
import type { LazyLayer } from '../content.ts'
import { chunksBetween, type LazyFile, type LazyNode, type LazyNodes, nodeAt } from '../nodes.ts'
import type { Wanted } from './plan.ts'

type Layers = readonly Pick<LazyLayer, 'groups'>[]

/** Engines look up the image's user in them before anything is started. */
const ENGINE_FILES = ['etc/passwd', 'etc/group']

export interface WantedByProfile {
  /** up to ready; what engines look up comes first. None where the image has none of what the profile says is read. */
  readonly start: readonly Wanted[]
  /** read after it, and then what else the files of the profile have */
  readonly later: readonly Wanted[]
  /** files that were read up to ready, and how many of them this image doesn't have */
  readonly files: { readonly all: number; readonly missing: number }
}

/** Files are found by path, so that a profile of another build is of use; what this image doesn't have is left out. */
export function wantedByProfile(
  { files }: Pick<Trace, 'files'>,
  nodes: LazyNodes,
  layers: Layers,
): WantedByProfile {
  const found = files
    .toSorted((a, b) => a.order - b.order)
    .flatMap((file) => {
      const node = nodeAt(nodes, pathBytes(file.path))
      return node?.attributes.type === 'reg' ? [{ file, node }] : []
    })
  const ranged = (ranges: (file: TraceFile) => TraceFile['ranges']) =>
    found.flatMap(({ file, node }) =>
      ranges(file).flatMap(([start, end]) => wantedOf(node, chunksBetween(node.chunks, start, end), layers)),
    )
  const start = ranged((file) => (isOfStart(file) ? file.ranges : []))
  const all = files.filter(isOfStart).length
  return {
    start: start.length === 0 ? [] : [...wantedByEngines(nodes, layers), ...start],
    files: { all, missing: all - found.filter(({ file }) => isOfStart(file)).length },
    later: [
      ...ranged((file) => (file.afterReady ? file.ranges : (file.laterRanges ?? []))),
      ...found.flatMap(({ node }) => wantedOf(node, node.chunks, layers)),
    ],
  }
}

/**
 * Chooses of zones, before the tables of contents are read: what profiles name, though another layer may hide it. Without a profile, all.
 */
export function zoneChooser(
  traces: readonly Pick<Trace, 'files'>[],
): (zone: readonly ZoneGroup[]) => readonly Group[] {
  if (traces.length === 0) return (zone) => zone
  const ofStart = traces.flatMap(({ files }) => files.filter(isOfStart))
  const ranges = Map.groupBy(ofStart, ({ path }) => pathBytes(path))
  const isNamed = ({ path, start, end }: Piece) =>
    ranges.get(path)?.some((file) => holdsAny(file.ranges, start, end)) ?? false
  return (zone) => zone.filter(({ pieces }) => pieces.some(isNamed))
}

const isOfStart = ({ afterReady, ranges }: TraceFile): boolean => !afterReady && ranges.length > 0

/** Base layer first, each zone in the order of its blob, carriers and hidden files included. */
export const wantedInZones = (zoneEnds: readonly number[], layers: Layers): Wanted[] =>
  layers.flatMap(({ groups }, layer) =>
    [...groups.values()]
      .filter(({ end }) => end <= (zoneEnds[layer] ?? 0))
      .sort((a, b) => a.offset - b.offset)
      .map((group) => ({ layer, group })),
  )

export const wantedByEngines = (nodes: LazyNodes, layers: Layers): Wanted[] =>
  ENGINE_FILES.flatMap((path) => {
    const node = nodeAt(nodes, path)
    return node ? wantedOf(node, node.chunks, layers) : []
  })

/** All that can be seen, layer by layer in the order of the blobs: what a higher layer hides is not among it. */
export function wantedInAll(nodes: LazyNodes, layers: Layers): Wanted[] {
  const all = nodes.flatMap((node) => (node ? wantedOf(node, node.chunks, layers) : []))
  return all.sort((a, b) => a.layer - b.layer || a.group.offset - b.group.offset)
}

const wantedOf = ({ layer }: LazyFile, chunks: LazyNode['chunks'], layers: Layers): Wanted[] =>
  chunks.flatMap(({ offset }) => {
    const group = layers[layer]?.groups.get(offset)
    return group ? [{ layer, group }] : []
  })
