/** Finds the start's files in an image: by path, else by content, for an image that has been rebuilt since. Pure. */
import picomatch from 'picomatch'
import type { MergedTree, Owned } from '../../image/rootfs/merge-layers.ts'
import { lazily } from '../../system/lazily.ts'
import { type BytePath, bytesOf, textOf } from '../../system/text/byte-path.ts'
import { coverageOf, type Sought } from './coverage.ts'
import type { PlanEntry, PlanLayer } from './layer.ts'
import type { StartupFile } from './startup.ts'

export interface Found<E> {
  readonly path: BytePath
  readonly owned: Owned<E>
  /** undefined: the start didn't read it; it was included by hand */
  readonly file: StartupFile | undefined
  /** text form: where the start had it, when it is somewhere else now */
  readonly movedFrom: string | undefined
  readonly isIncluded: boolean
  readonly isExcluded: boolean
}

export interface Missing {
  /** text form */
  readonly path: string
  readonly reason: 'absent' | 'no file'
}

interface Search<E> {
  readonly found: Found<E>[]
  readonly missing: Missing[]
  readonly coverage: number
}

type Globs = { readonly include: readonly string[]; readonly exclude: readonly string[] }

export function findStartup<E extends PlanEntry>(
  startup: readonly StartupFile[],
  tree: MergedTree<E>,
  layers: readonly PlanLayer<E>[],
  globs: Globs,
): Search<E> {
  const seen = new Set<BytePath>()
  const found: Found<E>[] = []
  const missing: Missing[] = []
  const sought: Sought[] = []
  const [isIncluded, isExcluded] = [globMatcher(globs.include), globMatcher(globs.exclude)]
  const byContent = lazily(() => contentIndex(tree, layers))
  const add = (path: BytePath, owned: Owned<E>, file: StartupFile | undefined, movedFrom?: string) => {
    if (seen.has(path)) return
    seen.add(path)
    const text = textOf(path)
    found.push({
      path,
      owned,
      file,
      movedFrom,
      isIncluded: isIncluded(text),
      isExcluded: isExcluded(text),
    })
  }
  for (const file of startup) {
    const path = bytesOf(file.path)
    const owned = tree.entries.get(path)
    const moved = owned || file.digest === undefined ? undefined : byContent().get(file.digest)
    const there = owned && isFile(owned) ? owned : moved?.owned
    sought.push({ file, found: there && heldBy(there, layers) })
    if (moved) add(moved.path, moved.owned, file, file.path)
    else if (there) add(path, there, file)
    else missing.push({ path: file.path, reason: owned ? 'no file' : 'absent' })
  }
  if (globs.include.length > 0)
    for (const [path, owned] of tree.entries)
      if (isFile(owned) && isIncluded(textOf(path))) add(path, owned, undefined)
  return { found, missing, coverage: coverageOf(sought) }
}

/** Where the content of a file is. */
function heldBy<E extends PlanEntry>(owned: Owned<E>, layers: readonly PlanLayer<E>[]) {
  const { layer, entry } = owned.content ?? owned
  return { size: entry.size, isShared: layers[layer]?.isShared ?? false }
}

/** `*` and `**` match names with a leading dot, too: in an image nothing is hidden. */
const globMatcher = (globs: readonly string[]): ((path: string) => boolean) =>
  picomatch(
    globs.map((glob) => glob.replace(/^\/+/, '')),
    { dot: true },
  )

/** What a zone can hold. Directories go with what is in them. */
const isFile = <E extends PlanEntry>({ entry }: Owned<E>): boolean => entry.type !== 'dir'

/** Visible regular files by digest; of several with one content the first. */
function contentIndex<E extends PlanEntry>(tree: MergedTree<E>, layers: readonly PlanLayer<E>[]) {
  const index = new Map<string, { path: BytePath; owned: Owned<E> }>()
  for (const [path, owned] of tree.entries) {
    const digest = owned.entry.type === 'reg' ? layers[owned.layer]?.digestOf(owned.entry) : undefined
    if (digest !== undefined && owned.entry.size > 0 && !index.has(digest)) index.set(digest, { path, owned })
  }
  return index
}
