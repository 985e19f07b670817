/** The parts of an image that no start touched: whole packages and whole folders, largest first. */
import { type BytePath, parentOf, textOf } from '../../system/text/byte-path.ts'
import type { Trace } from '../trace/file.ts'
import { type FileSystem, type NodeId, ROOT_NODE } from './file-system.ts'
import { findPackages, type Package } from './packages.ts'

export type Unused = NonNullable<Trace['unused']>

const MAX_LISTED = 100
const MAX_DATABASE_BYTES = 16 << 20

/** @param touched paths of files and links that were opened or followed */
export async function findUnused(fileSystem: FileSystem, touched: ReadonlySet<BytePath>): Promise<Unused> {
  const { sizes, nodes } = listFiles(fileSystem)
  const rootLinks = rootLinksOf(fileSystem)
  const read = (path: BytePath) => readText(fileSystem, nodes.get(path))
  const packages = await findPackages({ sizes, rootLinks, read })
  return { packages: unusedPackages(packages, touched, sizes), folders: unusedFolders(sizes, touched) }
}

/** Names and targets as byte text: `lib` → `usr/lib`. */
export function rootLinksOf(fileSystem: FileSystem): { name: string; target: string }[] {
  const links = fileSystem.entries(ROOT_NODE).filter((entry) => entry.type === 'symlink')
  return links.map(({ name, node }) => ({ name, target: fileSystem.readlink(node) }))
}

function listFiles(fileSystem: FileSystem) {
  const sizes = new Map<BytePath, number>()
  const nodes = new Map<BytePath, NodeId>()
  const pending: { node: NodeId; path: BytePath }[] = [{ node: ROOT_NODE, path: '' }]
  for (let at = pending.pop(); at; at = pending.pop()) {
    for (const { name, node, type } of fileSystem.entries(at.node)) {
      const path = at.path === '' ? name : `${at.path}/${name}`
      if (type === 'dir') pending.push({ node, path })
      if (type !== 'reg') continue
      sizes.set(path, fileSystem.attributes(node).size)
      nodes.set(path, node)
    }
  }
  return { sizes, nodes }
}

/** Byte text; the databases' own bytes are those of the paths. */
async function readText(fileSystem: FileSystem, node: NodeId | undefined): Promise<string> {
  if (node === undefined) return ''
  const size = Math.min(fileSystem.attributes(node).size, MAX_DATABASE_BYTES)
  return (await fileSystem.read(node, 0, size)).toString('latin1')
}

function unusedPackages(
  packages: readonly Package[],
  touched: ReadonlySet<BytePath>,
  sizes: ReadonlyMap<BytePath, number>,
): Unused['packages'] {
  return packages
    .filter(({ files }) => !files.some((path) => touched.has(path)))
    .map(({ manager, name, files }) => ({
      manager,
      name: textOf(name),
      files: files.length,
      bytes: files.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0),
    }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, MAX_LISTED)
}

/** Pure. The topmost folders with nothing touched inside. */
export function unusedFolders(
  sizes: ReadonlyMap<BytePath, number>,
  touched: ReadonlySet<BytePath>,
): Unused['folders'] {
  const topmostOf = topmostOutside(foldersOf(touched))
  const folders = new Map<BytePath, { path: string; bytes: number; files: number }>()
  for (const [path, size] of sizes) {
    const topmost = topmostOf(parentOf(path))
    if (topmost === undefined) continue
    const folder = folders.get(topmost) ?? { path: textOf(topmost), bytes: 0, files: 0 }
    folder.bytes += size
    folder.files++
    folders.set(topmost, folder)
  }
  return [...folders.values()].sort((a, b) => b.bytes - a.bytes).slice(0, MAX_LISTED)
}

/** All that the paths are in, however deep; each is looked at once. */
function foldersOf(paths: Iterable<BytePath>): Set<BytePath> {
  const folders = new Set<BytePath>([''])
  for (const path of paths) for (let at = parentOf(path); !folders.has(at); at = parentOf(at)) folders.add(at)
  return folders
}

/** The topmost of a folder and those above it that is not in `used`. The answer for each folder is kept. */
function topmostOutside(used: ReadonlySet<BytePath>): (folder: BytePath) => BytePath | undefined {
  const known = new Map<BytePath, BytePath>()
  return (folder) => {
    if (used.has(folder)) return undefined
    const passed: BytePath[] = []
    let topmost = folder
    for (let at = folder; !used.has(at); at = parentOf(at)) {
      topmost = known.get(at) ?? at
      if (known.has(at)) break
      passed.push(at)
    }
    for (const at of passed) known.set(at, topmost)
    return topmost
  }
}
