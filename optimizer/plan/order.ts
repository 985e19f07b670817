/**
 * Puts one layer's entries into their new order so that it still unpacks to the same tree: what a moved entry needs moves with it, and
 * entries that a later one of the same path replaces are dropped. Pure.
 */
import { OPAQUE_WHITEOUT, WHITEOUT_PREFIX } from '../../image/rootfs/merge-layers.ts'
import { type BytePath, baseOf, largestAbove, parentOf } from '../../system/text/byte-path.ts'

export interface Ordered {
  readonly path: BytePath
  readonly type: string
  readonly linkPath?: BytePath | undefined
}

export interface Order<E> {
  readonly zone: readonly E[]
  readonly rest: readonly E[]
}

/**
 * @param entries in the layer's order
 * @param zone paths for the prioritized zone, in their order; those the layer doesn't have are skipped
 * @param afterZone paths that come first after it
 */
export function orderLayer<E extends Ordered>(
  entries: readonly E[],
  zone: readonly BytePath[],
  afterZone: readonly BytePath[],
): Order<E> {
  const { kept, fixed } = withoutReplaced(entries)
  const byPath = new Map(kept.map((entry) => [entry.path, entry]))
  const moved = new Set<E>()
  const head = gather(zone, byPath, fixed, moved)
  const next = gather(afterZone, byPath, fixed, moved)
  return { zone: head, rest: [...next, ...kept.filter((entry) => !moved.has(entry))] }
}

/** The paths' entries, each once, with what each needs before it. */
function gather<E extends Ordered>(
  paths: readonly BytePath[],
  byPath: ReadonlyMap<BytePath, E>,
  fixed: ReadonlySet<BytePath>,
  moved: Set<E>,
): E[] {
  return paths.flatMap((path) => {
    const needed = withNeeds(path, byPath, moved)
    if (needed.some((entry) => fixed.has(entry.path))) return []
    for (const entry of needed) moved.add(entry)
    return needed
  })
}

/** The path's entry and, before it, what it needs and what those need. Not recursive: a hostile layer's links may be nested to any depth. */
function withNeeds<E extends Ordered>(
  path: BytePath,
  byPath: ReadonlyMap<BytePath, E>,
  moved: ReadonlySet<E>,
): E[] {
  const out: E[] = []
  const seen = new Set<BytePath>()
  const stack: { path: BytePath; entry?: E; isFolder?: boolean }[] = [{ path }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (top.entry) {
      out.push(top.entry)
      continue
    }
    const entry = byPath.get(top.path)
    // A directory without an entry has some above it that may have one.
    if (entry === undefined && !top.isFolder) continue
    if (seen.has(top.path) || (entry !== undefined && moved.has(entry))) continue
    seen.add(top.path)
    if (entry !== undefined) stack.push({ path: top.path, entry })
    if (entry?.type === 'hardlink' && entry.linkPath !== undefined) stack.push({ path: entry.linkPath })
    for (const needed of whiteoutsBefore(top.path).reverse()) stack.push({ path: needed })
    if (top.path !== '') stack.push({ path: parentOf(top.path), isFolder: true })
  }
  return out
}

/**
 * The whiteouts in this layer that would otherwise come after what they must come before: a runtime that met `.wh.a` after `a` could take
 * it for the removal of `a`.
 */
function whiteoutsBefore(path: BytePath): BytePath[] {
  const parent = parentOf(path)
  const prefix = parent === '' ? '' : `${parent}/`
  return [`${prefix}${OPAQUE_WHITEOUT}`, `${prefix}${WHITEOUT_PREFIX}${baseOf(path)}`]
}

/**
 * Of several entries with one path the last one wins, and a file that replaces a directory removes what was in it. Where a hardlink points to
 * a file that is replaced later, or stands before its target (and so means one in a lower layer), they stay where they are (`fixed`):
 * their order is what they mean. So do a file and the directory that replaces it: together they hide a lower layer's directory.
 */
function withoutReplaced<E extends Ordered>(entries: readonly E[]): { kept: E[]; fixed: Set<BytePath> } {
  const last = new Map<BytePath, number>()
  const replaced = new Set<BytePath>()
  const lastFile = new Map<BytePath, number>()
  for (const [index, { path, type }] of entries.entries()) {
    if (last.has(path)) replaced.add(path)
    last.set(path, index)
    if (type !== 'dir') lastFile.set(path, index)
  }
  const lastFileAbove = largestAbove(lastFile)
  const isBuried = (path: BytePath, index: number) => lastFileAbove(path) > index
  const becameFolder = (path: BytePath) => {
    const end = last.get(path) ?? 0
    return (lastFile.get(path) ?? end) < end && !isBuried(path, end)
  }
  const fixed = new Set([...replaced].filter(becameFolder))
  /** with the directories above them */
  const whole = new Set<BytePath>()
  for (const [index, { type, linkPath, path }] of entries.entries()) {
    if (type !== 'hardlink' || linkPath === undefined) continue
    const target = last.get(linkPath)
    if (target === undefined) continue
    if (replaced.has(linkPath) || target > index || isBuried(linkPath, target))
      for (const end of [path, linkPath])
        for (let at = end; at !== '' && !whole.has(at); at = parentOf(at)) whole.add(at)
  }
  for (const path of whole) fixed.add(path)
  const kept = entries.filter(
    ({ path }, index) => fixed.has(path) || (last.get(path) === index && !isBuried(path, index)),
  )
  return { kept, fixed }
}
