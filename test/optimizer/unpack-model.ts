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
export function unpackModel(files: readonly UnpackedFile[]): Map<string, string> {
  const tree = new Map<string, Inode>()
  const removeBelow = (path: string) => {
    for (const name of tree.keys()) if (name.startsWith(`${path}/`)) tree.delete(name)
  }
  for (const file of files) {
    const { path, type, linkPath } = file.entry
    if (type !== 'dir') removeBelow(path)
    if (type !== 'hardlink') tree.set(path, { facts: facts(file) })
    else {
      const target = tree.get(linkPath ?? '')
      tree.set(path, target ?? { facts: `dangling ${linkPath}` })
    }
  }
  const names = new Map<Inode, string[]>()
  for (const [path, inode] of tree) names.set(inode, [...(names.get(inode) ?? []), path])
  return new Map(
    [...tree].map(([path, inode]) => [path, `${inode.facts} ${names.get(inode)?.sort().join(' = ')}`]),
  )
}
