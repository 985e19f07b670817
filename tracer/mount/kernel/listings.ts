/** Folders listed as the kernel asks for them: in pieces, with attributes or without. */
import type { DirectoryEntry, FileSystem, NodeId } from '../file-system.ts'
import {
  direntBytes,
  ENTRY_BYTES,
  MAX_READ_BYTES,
  OUT_HEADER_BYTES,
  writeDirent,
  writeEntry,
} from './codec.ts'

/** The whole is kept from the first piece to the last. @param out the reply */
export function createListings(tree: FileSystem, out: Buffer) {
  const kept = new Map<NodeId, readonly DirectoryEntry[]>()

  function entriesOf(node: NodeId, offset: number): readonly DirectoryEntry[] {
    const known = offset === 0 ? undefined : kept.get(node)
    if (known) return known
    const entries: DirectoryEntry[] = [
      { name: '.', node, type: 'dir' },
      { name: '..', node, type: 'dir' },
      ...tree.entries(node),
    ]
    kept.set(node, entries)
    return entries
  }

  return {
    write(node: NodeId, offset: number, room: number, withAttributes: boolean): number {
      const entries = entriesOf(node, offset)
      const extra = withAttributes ? ENTRY_BYTES : 0
      let size = 0
      let index = offset
      for (; index < entries.length; index++) {
        const entry = entries[index]
        if (!entry || size + extra + direntBytes(entry.name.length) > Math.min(room, MAX_READ_BYTES)) break
        const at = OUT_HEADER_BYTES + size
        // The kernel knows the folder and its parent: for them an entry without a node.
        const child = index < 2 ? 0 : entry.node
        if (withAttributes) writeEntry(out, child, child === 0 ? undefined : tree.attributes(child), at)
        size += extra + writeDirent(out, entry, index + 1, at + extra)
      }
      if (index >= entries.length) kept.delete(node)
      return size
    },
  }
}
