/**
 * Merges layers: lays their entries over each other as a runtime does and says what stays visible, and which layer it comes from. Pure, and
 * generic, so that tar entries and entries of an eStargz table of contents both fit.
 *
 * Source: OCI image-spec, layer.md, "Applying Changesets" and "Whiteouts".
 */

import { HeadstartError } from '../../system/errors.ts'
import { finish, type Steps } from '../../system/steps.ts'
import { type BytePath, baseOf, layerPath, parentOf, textOf } from '../../system/text/byte-path.ts'

export const WHITEOUT_PREFIX = '.wh.'
export const OPAQUE_WHITEOUT = '.wh..wh..opq'

/** What `mergeLayers` needs of an entry. Types are the TOC's: `dir`, `reg`, `symlink`, `hardlink`, … */
export interface LayerEntry {
  /** normalised; whiteouts still carry their `.wh.` names */
  readonly path: BytePath
  readonly type: string
  /** of a hardlink: the path of its target, as found */
  readonly linkPath?: string | undefined
}

export interface Owned<E> {
  /** index into the layers that were given; 0 is the base */
  readonly layer: number
  readonly entry: E
  /**
   * Where the inode comes from: the entry itself, or for a hardlink the entry its chain of links ends at, in this or a lower layer
   * (which may itself be hidden by now). Undefined when no such file was there to link to.
   */
  readonly content: { readonly layer: number; readonly entry: E } | undefined
}

export interface MergedTree<E> {
  /** every visible path that has an entry, the root (`''`) too if some layer has one; parents before children */
  readonly entries: ReadonlyMap<BytePath, Owned<E>>
  /** visible directories that no layer has an entry for, and the layer that implies them: root:root, mode 0755 */
  readonly implied: ReadonlyMap<BytePath, number>
}

/** What is visible at a name. */
export interface MergedNode<E> {
  /** undefined: no layer has an entry for this directory */
  readonly owned: Owned<E> | undefined
  /** that has it, or implies it */
  readonly layer: number
  /** undefined: it is not a directory */
  readonly children: ReadonlyMap<string, MergedNode<E>> | undefined
}

export type MergedDirectory<E> = MergedNode<E> & { readonly children: ReadonlyMap<string, MergedNode<E>> }

interface Node<E> {
  owned: Owned<E> | undefined
  layer: number
  /** undefined: it is not a directory */
  children: Map<string, Node<E>> | undefined
}

type Root<E> = Node<E> & { children: Map<string, Node<E>> }

/**
 * As overlayfs stacks layers, which is what lazily pulling runtimes do: a path below another layer's symlink is below a directory that hides
 * the symlink. (Runtimes that unpack layers onto each other follow it.)
 *
 * @param layers base first, each in the layer's own order: of entries with one path the last wins
 * @throws HeadstartError E_PATH: a whiteout that names its own folder or the one above
 */
export function mergeLayers<E extends LayerEntry>(layers: readonly (readonly E[])[]): MergedTree<E> {
  const root = finish(stackLayers(layers))
  const tree = { entries: new Map<BytePath, Owned<E>>(), implied: new Map<BytePath, number>() }
  if (root.owned) tree.entries.set('', root.owned)
  collect(root, '', tree)
  return tree
}

/** The same as a tree. Of layers of many thousand entries, which a start waits for. @throws as `mergeLayers` does */
export function* stackLayers<E extends LayerEntry>(
  layers: readonly (readonly E[])[],
): Steps<MergedDirectory<E>> {
  const root: Root<E> = { owned: undefined, layer: 0, children: new Map() }
  for (const [layer, entries] of layers.entries()) yield* applyLayer(root, entries, layer)
  return root
}

/** Entries that are placed at a time. */
const STEP = 256

/** A whiteout hides what lower layers brought, never an entry of its own layer, wherever in the layer it stands. */
function* applyLayer<E extends LayerEntry>(root: Root<E>, entries: readonly E[], layer: number): Steps<void> {
  const links = resolveHardlinks(root, entries, layer)
  for (const { path } of entries) if (isWhiteout(path)) hide(root, path)
  const folders = foldersOf(root, layer)
  for (const [at, entry] of entries.entries()) {
    if (at % STEP === 0) yield
    if (isWhiteout(entry.path)) folders(parentOf(entry.path))
    else place(root, entry, { owned: { layer, entry, content: links(entry) }, folders })
  }
}

/** Gives a directory's children: see `directory`. */
type Folders<E> = (path: BytePath) => Map<string, Node<E>>

/** Most entries are in the directory of the one before. What replaces a directory is asked for in the one above, so that is never the last one. */
function foldersOf<E>(root: Root<E>, layer: number): Folders<E> {
  let last: { readonly path: BytePath; readonly children: Map<string, Node<E>> } | undefined
  return (path) => {
    if (last?.path !== path) last = { path, children: directory(root, path, layer) }
    return last.children
  }
}

export const isWhiteout = (path: BytePath): boolean =>
  path.startsWith(WHITEOUT_PREFIX, path.lastIndexOf('/') + 1)

/**
 * What a whiteout hides: `a/.wh.b` → `a/b`. Undefined for an opaque marker, and for the private `.wh..wh.` names of aufs.
 * @throws HeadstartError E_PATH: it names its own folder, or the one above (`.wh.`, `.wh..`, `.wh...`). No runtime takes such a layer.
 */
export function whiteoutTarget(path: BytePath): BytePath | undefined {
  const base = baseOf(path)
  const name = base.slice(WHITEOUT_PREFIX.length)
  if (!base.startsWith(WHITEOUT_PREFIX) || name.startsWith(WHITEOUT_PREFIX)) return undefined
  if (name === '' || name === '.' || name === '..')
    throw new HeadstartError(
      'E_PATH',
      `the whiteout ${JSON.stringify(textOf(path))} does not name anything to hide`,
    )
  return path.slice(0, path.length - base.length) + name
}

function hide<E>(root: Root<E>, whiteout: BytePath): void {
  const children = find(root, parentOf(whiteout))?.children
  if (baseOf(whiteout) === OPAQUE_WHITEOUT) children?.clear()
  const target = whiteoutTarget(whiteout)
  if (target !== undefined) children?.delete(baseOf(target))
}

interface Placing<E> {
  readonly owned: Owned<E>
  readonly folders: Folders<E>
}

function place<E extends LayerEntry>(root: Root<E>, entry: E, { owned, folders }: Placing<E>): void {
  const isDirectory = entry.type === 'dir'
  if (entry.path === '') {
    if (isDirectory) root.owned = owned
    return
  }
  const siblings = folders(parentOf(entry.path))
  const name = baseOf(entry.path)
  const kept = isDirectory ? siblings.get(name)?.children : undefined
  siblings.set(name, {
    owned,
    layer: owned.layer,
    children: kept ?? (isDirectory ? new Map() : undefined),
  })
}

/** The children of a directory, which replaces a file of that path and is made, with its ancestors, where it is missing. */
function directory<E>(root: Root<E>, path: BytePath, layer: number): Map<string, Node<E>> {
  let children = root.children
  for (const name of path === '' ? [] : path.split('/')) {
    let node = children.get(name)
    if (!node?.children) {
      node = { owned: undefined, layer, children: new Map() }
      children.set(name, node)
    }
    children = node.children ?? new Map()
  }
  return children
}

/**
 * A hardlink links to what stood at its target's path when it was made: an entry of its layer before it (or, for layers that
 * were put into another order, after it), else the tree below, before this layer's whiteouts.
 */
function resolveHardlinks<E extends LayerEntry>(root: Root<E>, entries: readonly E[], layer: number) {
  type Content = Owned<E>['content']
  const resolved = new Map<E, Content>()
  if (!entries.some(({ type }) => type === 'hardlink')) return (entry: E): Content => ({ layer, entry })
  const here = new Map<BytePath, Content>()
  const late: { entry: E; target: BytePath }[] = []
  for (const entry of entries) {
    if (entry.type !== 'hardlink') {
      here.set(entry.path, { layer, entry })
      continue
    }
    const target = layerPath(entry.linkPath ?? '')
    const content = fileOf(here.get(target) ?? find(root, target)?.owned?.content)
    if (content === undefined) late.push({ entry, target })
    resolved.set(entry, content)
    here.set(entry.path, content)
  }
  for (const { entry, target } of late) resolved.set(entry, fileOf(here.get(target)))
  return (entry: E): Content => (entry.type === 'hardlink' ? resolved.get(entry) : { layer, entry })
}

/** No directory has a second name: below itself, it would have no end. */
const fileOf = <E extends LayerEntry>(content: Owned<E>['content']): Owned<E>['content'] =>
  content?.entry.type === 'dir' ? undefined : content

function find<E>(root: Root<E>, path: BytePath): Node<E> | undefined {
  let node: Node<E> | undefined = root
  for (const name of path === '' ? [] : path.split('/')) node = node?.children?.get(name)
  return node
}

function collect<E extends LayerEntry>(
  node: MergedNode<E>,
  path: BytePath,
  tree: { entries: Map<BytePath, Owned<E>>; implied: Map<BytePath, number> },
): void {
  // A stack of our own: a hostile layer may nest deeper than the engine's call stack.
  const stack: [MergedNode<E>, BytePath][] = [[node, path]]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const [parent, at] = next
    for (const [name, child] of parent.children ?? []) {
      const childPath = child.owned?.entry.path ?? (at === '' ? name : `${at}/${name}`)
      if (child.owned) tree.entries.set(childPath, child.owned)
      else tree.implied.set(childPath, child.layer)
      if (child.children) stack.push([child, childPath])
    }
  }
}
