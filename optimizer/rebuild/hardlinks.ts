/**
 * What the hardlinks of a layer mean: when it is unpacked, the file that is at the target's path at that moment. A lazily mounted layer
 * knows only names, and only its own; so it is decided here which links have to be rewritten. Pure.
 */

import { isFormatFile } from '../../image/estargz/format/toc.ts'
import { isWhiteout, type LayerEntry } from '../../image/rootfs/merge-layers.ts'
import { HeadstartError } from '../../system/errors.ts'
import { ancestorsOf, type BytePath, largestAbove, textOf } from '../../system/text/byte-path.ts'

/** The entry that a link ends at, not a link itself, in this layer or one below. */
export interface Origin<E> {
  readonly layer: number
  readonly entry: E
}

export interface Below<E> {
  /** what stands at a path of the layers below */
  find(path: BytePath): Origin<E> | undefined
  /** false: one of them can't be read, so that a link may lead into it */
  readonly isKnown: boolean
}

export interface LinkChanges<E> {
  /** links that become the file itself */
  readonly copies: ReadonlyMap<E, Origin<E>>
  /** links that name another entry than before: the file itself, or the copy of it */
  readonly relinked: ReadonlyMap<E, E>
  /** links that stand before their file, and go behind it */
  readonly late: ReadonlySet<E>
  /** what a later entry replaces */
  readonly dropped: ReadonlySet<E>
  /** One of the links leads into a lower layer, though it may be replaced later. */
  readonly leadsBelow: boolean
}

/**
 * @param entries in the layer's order
 * @param layer its index
 * @throws HeadstartError E_TAR: a link that no runtime can make
 */
export function changesOfLinks<E extends LayerEntry>(
  entries: readonly E[],
  layer: number,
  below: Below<E>,
  where: string,
): LinkChanges<E> {
  const lasting = lastingOf(entries)
  const { origins, late } = originsOf(entries, layer, { tree: new GrowingTree(below), below, lasting, where })
  const firstOf = new Map<E, E>()
  /** of each link so far, what it points to now */
  const meant = new Map<E, E>()
  const copies = new Map<E, Origin<E>>()
  const relinked = new Map<E, E>()
  for (const link of entries) {
    const origin = origins.get(link)
    if (origin === undefined || !lasting.isThere(link)) continue
    const own = origin.layer === layer && lasting.isThere(origin.entry) ? origin.entry : undefined
    const first = own ?? firstOf.get(origin.entry) ?? link
    const target = lasting.at(link.linkPath ?? '')
    if (first === link) copies.set(link, origin)
    else if (target !== first && (target === undefined || meant.get(target) !== first))
      relinked.set(link, first)
    firstOf.set(origin.entry, first)
    meant.set(link, first)
  }
  const isPlain = copies.size + relinked.size + late.size === 0 && [...origins.keys()].every(lasting.isThere)
  const dropped = isPlain ? [] : entries.filter(lasting.isReplaced)
  const leadsBelow = [...origins.values()].some((origin) => origin.layer !== layer)
  return { copies, relinked, late, dropped: new Set(dropped), leadsBelow }
}

/** What stays: the last entry of a path that isn't the format's own, unless a later file replaces a directory above it. */
interface Lasting<E> {
  at(path: BytePath): E | undefined
  isThere(entry: E): boolean
  /** by a later file; what a directory replaces hides a lower layer's directory, and stays */
  isReplaced(entry: E): boolean
}

function lastingOf<E extends LayerEntry>(entries: readonly E[]): Lasting<E> {
  const last = new Map<BytePath, number>()
  const lastFile = new Map<BytePath, number>()
  for (const [index, { path, type }] of entries.entries()) {
    last.set(path, index)
    if (type !== 'dir') lastFile.set(path, index)
  }
  const lastFileAbove = largestAbove(lastFile)
  const at = (path: BytePath): E | undefined => {
    const index = last.get(path)
    if (index === undefined || lastFileAbove(path) > index) return undefined
    const entry = entries[index]
    return entry === undefined || isFormatFile(entry.path) ? undefined : entry
  }
  return {
    at,
    isThere: (entry: E) => at(entry.path) === entry,
    isReplaced: (entry: E) => {
      const now = at(entry.path)
      return now !== entry && now?.type !== 'dir'
    },
  }
}

/** Where links are looked up. */
interface Lookup<E extends LayerEntry> {
  /** as it stands at the entry that is looked at */
  readonly tree: GrowingTree<E>
  readonly below: Below<E>
  readonly lasting: Lasting<E>
  /** the layer's name, for errors */
  readonly where: string
}

function originsOf<E extends LayerEntry>(
  entries: readonly E[],
  layer: number,
  lookup: Lookup<E>,
): { origins: ReadonlyMap<E, Origin<E>>; late: ReadonlySet<E> } {
  const { tree, below, lasting, where } = lookup
  const origins = new Map<E, Origin<E>>()
  const early = new Set<E>()
  for (const entry of entries) {
    if (isWhiteout(entry.path)) continue
    const origin = entry.type === 'hardlink' ? tree.find(linked(entry, where)) : { layer, entry }
    if (entry.type !== 'hardlink') tree.place(entry, { layer, entry })
    else if (origin === undefined) early.add(entry)
    else {
      if (origin.entry.type === 'dir') throw refused(entry, where, 'which is a directory')
      origins.set(entry, origin)
      tree.place(entry, origin)
    }
  }
  const late = followLate(early, origins, lookup)
  for (const link of early) {
    // A link into a layer that can't be read stays; a ring would come out of it all the same.
    const isRing = lasting.at(link.linkPath ?? '') !== undefined
    if (!late.has(link) && (below.isKnown || isRing)) throw refused(link, where, 'which does not exist')
  }
  return { origins, late }
}

/**
 * Links to what comes only after them. No runtime can unpack them so, but a lazy one follows names.
 * @returns those that found their file, with their origins added
 */
function followLate<E extends LayerEntry>(
  early: ReadonlySet<E>,
  origins: Map<E, Origin<E>>,
  { tree, lasting, where }: Lookup<E>,
): ReadonlySet<E> {
  const late = new Set<E>()
  const waiting = Map.groupBy(early, ({ linkPath }) => linkPath ?? '')
  const found = [...waiting.keys()].filter((path) => tree.find(path) !== undefined)
  for (let path = found.pop(); path !== undefined; path = found.pop()) {
    const origin = tree.find(path)
    for (const link of origin === undefined ? [] : (waiting.get(path) ?? [])) {
      if (origin === undefined || late.has(link)) continue
      if (origin.entry.type === 'dir') throw refused(link, where, 'which is a directory')
      origins.set(link, origin)
      late.add(link)
      if (!lasting.isThere(link)) continue
      tree.place(link, origin)
      if (waiting.has(link.path)) found.push(link.path)
    }
  }
  return late
}

/** The tree as it grows while the layer is unpacked. */
class GrowingTree<E extends LayerEntry> {
  private readonly below: Below<E>
  private readonly here = new Map<BytePath, { at: number; origin: Origin<E> }>()
  /** when a path became something other than a directory: what was below it is gone, here and in the layers below */
  private readonly files = new Map<BytePath, number>()
  private now = 0

  constructor(below: Below<E>) {
    this.below = below
  }

  place({ path, type }: E, origin: Origin<E>): void {
    this.here.set(path, { at: this.now, origin })
    if (type !== 'dir') this.files.set(path, this.now)
    this.now++
  }

  find(path: BytePath): Origin<E> | undefined {
    const there = this.here.get(path)
    const lost = ancestorsOf(path).reduce((at, above) => Math.max(at, this.files.get(above) ?? -1), -1)
    if (there !== undefined && there.at > lost) return there.origin
    return lost === -1 ? this.below.find(path) : undefined
  }
}

function linked<E extends LayerEntry>(link: E, where: string): BytePath {
  const target = link.linkPath ?? ''
  if (target === link.path) throw refused(link, where, 'which is itself')
  if (target === '') throw refused(link, where, 'which is the root')
  return target
}

const refused = ({ path, linkPath }: LayerEntry, where: string, why: string): HeadstartError =>
  new HeadstartError(
    'E_TAR',
    `${where}: ${JSON.stringify(textOf(path))} is a hardlink to ${JSON.stringify(textOf(linkPath ?? ''))}, ${why}`,
    { hint: 'No runtime can unpack such a layer; rebuild the image' },
  )
