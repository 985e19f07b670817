/**
 * Where the hardlinks of a table of contents lead. A lazy runtime follows them by name alone and doesn't check for cycles; a runtime that unpacks
 * the tar follows them in the tar's order. Both must end at the same file. Pure.
 */

import { type BytePath, textOf } from '../../../system/text/byte-path.ts'

/** What is needed of an entry, of a table of contents or of a tar. */
export interface LinkEntry {
  readonly path: BytePath
  readonly type: string
  /** of a hardlink: the path of its target */
  readonly linkPath?: BytePath | undefined
}

export interface LinkFault {
  readonly path: BytePath
  readonly message: string
}

/** `undefined`: nowhere; `'cycle'`: back to the link itself */
type End<E> = E | 'cycle' | undefined

/** @param entries of one layer, in its order */
export function hardlinkFaults(entries: readonly LinkEntry[]): LinkFault[] {
  const links = entries.filter(({ type }) => type === 'hardlink')
  if (links.length === 0) return []
  const byName = new Map(entries.map((entry) => [entry.path, entry]))
  const ends = new Map<LinkEntry, End<LinkEntry>>()
  const misplaced = misplacedLinks(entries, byName)
  return links.flatMap((link) => {
    const target = JSON.stringify(textOf(link.linkPath ?? ''))
    const end = endOf(link, byName, ends)
    const message =
      end === undefined
        ? `links to ${target}, which this layer doesn't have`
        : end === 'cycle'
          ? `links to ${target}, which leads back to it`
          : end.type === 'dir'
            ? `links to ${target}, which is a directory`
            : misplaced.has(link)
              ? `links to ${target}, which comes after it`
              : undefined
    return message === undefined ? [] : [{ path: link.path, message }]
  })
}

/** Each link is followed once, whatever the length of the chain it is in. */
function endOf<E extends LinkEntry>(link: E, byName: ReadonlyMap<BytePath, E>, ends: Map<E, End<E>>): End<E> {
  const onTheWay = new Set<E>()
  let at: E | undefined = link
  let end: End<E>
  for (;;) {
    if (at === undefined || at.type !== 'hardlink') end = at
    else if (ends.has(at)) end = ends.get(at)
    else if (onTheWay.has(at)) end = 'cycle'
    else {
      onTheWay.add(at)
      at = byName.get(at.linkPath ?? '')
      continue
    }
    break
  }
  for (const each of onTheWay) ends.set(each, end)
  return end
}

/** Links that lead to another file, or to none, in a runtime that unpacks the tar: the last entry with their target's name comes after them. */
function misplacedLinks<E extends LinkEntry>(
  entries: readonly E[],
  byName: ReadonlyMap<BytePath, E>,
): ReadonlySet<E> {
  const soFar = new Set<E>()
  const misplaced = new Set<E>()
  for (const entry of entries) {
    const target = entry.type === 'hardlink' ? byName.get(entry.linkPath ?? '') : undefined
    if (target !== undefined && byName.get(entry.path) === entry && !soFar.has(target)) misplaced.add(entry)
    soFar.add(entry)
  }
  return misplaced
}
