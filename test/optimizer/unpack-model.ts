/**
 * What a runtime makes of a layer, in memory: entries applied one after the other, the later over the earlier, links to what is there.
 * It is written from the rules alone, and shares nothing with the optimizer.
 */
import type { TarEntry } from '../../image/tar/entry.ts'

export interface UnpackedFile {
  readonly entry: TarEntry
  readonly content: Buffer
}

interface Inode {
  readonly facts: string
  readonly layer: number
}

const facts = ({ entry, content }: UnpackedFile): string =>
  JSON.stringify([
    entry.type,
    entry.mode,
    entry.uid,
    entry.gid,
    entry.mtime,
    entry.type === 'symlink' ? entry.linkName : '',
    entry.devMajor,
    entry.devMinor,
    [...entry.xattrs].map(([name, value]) => `${name}=${value.toString('hex')}`).sort(),
    content.toString('hex'),
  ])

/** @returns path → facts and the names that share its inode; equal trees give equal maps */
export const unpackModel = (files: readonly UnpackedFile[]): Map<string, string> => unpackImage([files])

/**
 * The same of layers over each other, base first, without whiteouts. A link to a file of a lower layer is a copy of it, as a layer that is
 * mounted alone has it; several such links in one layer share it.
 */
export function unpackImage(layers: readonly (readonly UnpackedFile[])[]): Map<string, string> {
  const tree = new Map<string, Inode>()
  for (const [layer, files] of layers.entries()) applyLayer(tree, files, layer)
  const names = new Map<Inode, string[]>()
  for (const [path, inode] of tree) names.set(inode, [...(names.get(inode) ?? []), path])
  return new Map(
    [...tree].map(([path, inode]) => [path, `${inode.facts} ${names.get(inode)?.sort().join(' = ')}`]),
  )
}

function applyLayer(tree: Map<string, Inode>, files: readonly UnpackedFile[], layer: number): void {
  const copies = new Map<Inode, Inode>()
  for (const file of files) {
    const { path, type, linkPath } = file.entry
    if (type !== 'dir') for (const name of tree.keys()) if (name.startsWith(`${path}/`)) tree.delete(name)
    const target = type === 'hardlink' ? tree.get(linkPath ?? '') : undefined
    if (type !== 'hardlink') tree.set(path, { facts: facts(file), layer })
    else if (target === undefined) tree.set(path, { facts: `dangling ${linkPath}`, layer })
    else if (target.layer === layer) tree.set(path, target)
    else {
      const copy = copies.get(target) ?? { ...target, layer }
      copies.set(target, copy)
      tree.set(path, copy)
    }
  }
}
