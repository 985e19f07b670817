/**
 * Puts one layer's entries into their new order so that it still unpacks to the same tree: what a moved entry needs moves with it, and
 * entries that a later one of the same path replaces are dropped. Pure.
 */
import { isWhiteout, OPAQUE_WHITEOUT, WHITEOUT_PREFIX } from '../image/owners.ts'
import { ancestorsOf, type BytePath, baseOf, parentOf } from '../image/paths.ts'

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
 * @param zone paths to go ahead of the landmark, in their order; those the layer doesn't have are skipped
 * @param early paths to go first behind it
 */
export function orderLayer<E extends Ordered>(
  entries: readonly E[],
  zone: readonly BytePath[],
  early: readonly BytePath[],
): Order<E> {
  const { kept, fixed } = withoutReplaced(entries)
  const byPath = new Map(kept.map((entry) => [entry.path, entry]))
  const moved = new Set<E>()
  const head = gather(zone, byPath, fixed, moved)
  const next = gather(early, byPath, fixed, moved)
  return { zone: head, rest: [...next, ...kept.filter((entry) => !moved.has(entry))] }
}

/** The paths' entries, each once, with what each needs before it. */
function gather<E extends Ordered>(
  paths: readonly BytePath[],
  byPath: ReadonlyMap<BytePath, E>,
  fixed: ReadonlySet<BytePath>,
  moved: Set<E>,
): E[] {
  const out: E[] = []
  const move = (path: BytePath) => {
    const entry = byPath.get(path)
    if (entry === undefined || moved.has(entry)) return
    moved.add(entry)
    out.push(entry)
  }
  for (const path of paths) {
    const chain = linkChain(path, byPath)
    if (chain.some((link) => fixed.has(link))) continue
    for (const link of chain) {
      for (const needed of neededBefore(link)) move(needed)
      move(link)
    }
  }
  return out
}

/** A hardlink's targets in this layer, the file itself first; then the path. */
function linkChain<E extends Ordered>(path: BytePath, byPath: ReadonlyMap<BytePath, E>): BytePath[] {
  const chain: BytePath[] = []
  for (let at: BytePath | undefined = path; at !== undefined && !chain.includes(at); ) {
    const entry: E | undefined = byPath.get(at)
    if (entry === undefined) break
    chain.unshift(at)
    at = entry.type === 'hardlink' ? entry.linkPath : undefined
  }
  return chain
}

/**
 * Directories above, and the whiteouts in this layer that would otherwise come after what they must come before: a runtime that met
 * `.wh.a` after `a` could take it for the removal of `a`.
 */
function neededBefore(path: BytePath): BytePath[] {
  const needed = ['']
  for (const folder of [...ancestorsOf(path), path]) {
    const parent = parentOf(folder)
    const prefix = parent === '' ? '' : `${parent}/`
    needed.push(`${prefix}${OPAQUE_WHITEOUT}`, `${prefix}${WHITEOUT_PREFIX}${baseOf(folder)}`)
    if (folder !== path) needed.push(folder)
  }
  return needed
}

/**
 * Of entries with one path the last one wins, and a file in a directory's place takes what was in it away. Where a hardlink took hold of
 * a file before it was replaced, all of them stay where they are (`fixed`): their order is what they mean.
 */
function withoutReplaced<E extends Ordered>(entries: readonly E[]): { kept: E[]; fixed: Set<BytePath> } {
  const last = new Map<BytePath, number>()
  const replaced = new Set<BytePath>()
  for (const [index, { path }] of entries.entries()) {
    if (last.has(path)) replaced.add(path)
    last.set(path, index)
  }
  const fixed = new Set<BytePath>()
  if (last.size === entries.length && !hasFileAsParent(entries, last)) return { kept: [...entries], fixed }
  for (const { type, linkPath, path } of entries) {
    if (type === 'hardlink' && linkPath !== undefined && replaced.has(linkPath)) fixed.add(linkPath).add(path)
  }
  const kept = entries.filter((entry, index) => {
    if (fixed.has(entry.path)) return true
    if (last.get(entry.path) !== index) return false
    return !ancestorsOf(entry.path).some((folder) => {
      const above = last.get(folder)
      return above !== undefined && above > index && entries[above]?.type !== 'dir' && !isWhiteout(folder)
    })
  })
  return { kept, fixed }
}

function hasFileAsParent<E extends Ordered>(
  entries: readonly E[],
  last: ReadonlyMap<BytePath, number>,
): boolean {
  return entries.some(({ path }) =>
    ancestorsOf(path).some((folder) => {
      const index = last.get(folder)
      return index !== undefined && entries[index]?.type !== 'dir'
    }),
  )
}
