/** Copies of chunks that stand ahead of the landmark: where they are in the blob, and which files' they are. Pure. */
import type { BytePath } from '../../../system/text/byte-path.ts'
import { type Chain, mostBytesOf } from './ahead.ts'
import type { Chunk, EstargzEntry } from './entry.ts'
import { checkedPath, fault } from './faults.ts'

/** Chunks by the path of their file. @param start where the blob's other data begins. @throws HeadstartError E_ESTARGZ */
export function copiesOf(chains: readonly Chain[], start: number): ReadonlyMap<BytePath, readonly Chunk[]> {
  const copies = new Map<BytePath, Chunk[]>()
  for (const [index, chain] of chains.entries()) {
    const { offset } = chain
    const end = Math.min(chains[index + 1]?.offset ?? start, offset + mostBytesOf(chain))
    for (const { name, ...copy } of chain.copies) {
      if (offset >= start) throw fault({ name }, 'a copy ahead of it is not at the top of the blob')
      const path = checkedPath({ name }, name)
      const known = copies.get(path)
      if (known) known.push({ ...copy, offset, end })
      else copies.set(path, [{ ...copy, offset, end }])
    }
  }
  return copies
}

/** A file is known by its last entry. @throws HeadstartError E_ESTARGZ: a copy that matches none of the file's chunks */
export function withCopies(
  entries: readonly EstargzEntry[],
  copies: ReadonlyMap<BytePath, readonly Chunk[]>,
): readonly EstargzEntry[] {
  if (copies.size === 0) return entries
  const last = new Map<BytePath, number>()
  entries.forEach(({ path }, place) => {
    if (copies.has(path)) last.set(path, place)
  })
  const complete = [...entries]
  for (const [path, ahead] of copies) {
    const place = last.get(path) ?? -1
    const entry = entries[place]
    const chunks = new Map(entry?.chunks.map((chunk) => [chunk.fileOffset, chunk]))
    const strange = ahead.find(({ fileOffset, size, digest }) => {
      const chunk = chunks.get(fileOffset)
      chunks.delete(fileOffset) // of each there is one copy
      return chunk?.size !== size || chunk.digest !== digest
    })
    if (strange)
      throw fault({ name: path }, `the copy of its byte ${strange.fileOffset} matches none of its chunks`)
    if (entry) complete[place] = { ...entry, ahead: ahead.toSorted((a, b) => a.fileOffset - b.fileOffset) }
  }
  return complete
}
