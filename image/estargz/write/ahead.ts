/** Writes the chunks that go ahead of the landmark: a second copy of each, in chains of carriers at the top of the blob. */
import { crc32 } from 'node:zlib'
import { ANCHOR_CONTENT, type Chain, type Copy } from '../format/ahead.ts'
import { CARRIER_HEAD_BYTES, chainOf } from '../format/carrier.ts'
import type { Cut } from './hot-ranges.ts'
import type { LayerStore, PlacedEntry, StoredMember } from './store.ts'

/** A runtime decompresses a chain in one go, several chains at once: small enough that all its cores have work. */
const CHAIN_BYTES = 1 << 20
const CHAIN_CONTENT = 8 << 20

interface Copied extends Omit<Copy, 'innerOffset'> {
  /** one behind the other, its content */
  readonly members: readonly StoredMember[]
}

/**
 * @param blob takes the members, and the bytes between them; its size says where they come to lie
 * @returns what the table of contents says of them
 */
export function writeAhead(
  split: ReadonlyMap<PlacedEntry, Cut>,
  store: LayerStore,
  blob: { readonly size: number; add(content: readonly [], stored: StoredMember | Uint8Array): void },
): Chain[] {
  return inChains(copiedChunks(split, store)).map((chunks) => {
    const offset = blob.size + CARRIER_HEAD_BYTES
    const members = [
      EDGE,
      ...chunks.flatMap((chunk) => chunk.members.map((stored) => ({ size: stored.size, stored }))),
      EDGE,
    ]
    for (const part of chainOf(members)) blob.add([], 'stored' in part ? part.stored : part)
    let innerOffset = ANCHOR_CONTENT.length
    const copies = chunks.map(({ members: _, ...chunk }) => {
      const copy = { ...chunk, innerOffset }
      innerOffset += chunk.size
      return copy
    })
    return { offset, copies }
  })
}

function* copiedChunks(split: ReadonlyMap<PlacedEntry, Cut>, store: LayerStore): Generator<Copied> {
  for (const [entry, { hot }] of split)
    for (const [fileOffset, { size, members }] of hot) {
      const start = entry.content + fileOffset
      const digest = store.stored([{ start, end: start + size }])?.digests[0]
      if (digest === undefined) throw new Error('a hot chunk was not compressed')
      yield { name: entry.name, fileOffset, size, digest, members }
    }
}

function inChains(chunks: Iterable<Copied>): Copied[][] {
  const chains: Copied[][] = []
  let [bytes, content] = [CHAIN_BYTES, CHAIN_CONTENT]
  for (const chunk of chunks) {
    if (bytes >= CHAIN_BYTES || content >= CHAIN_CONTENT) {
      chains.push([])
      bytes = content = 0
    }
    chains.at(-1)?.push(chunk)
    bytes += chunk.members.reduce((sum, { size }) => sum + size, 0)
    content += chunk.size
  }
  return chains
}

/** The anchor's content as a member, not compressed. */
const EDGE = memberOf(ANCHOR_CONTENT)

function memberOf(content: Buffer) {
  const block = Buffer.from([1, content.length, 0, 0xff - content.length, 0xff])
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(content), 0)
  trailer.writeUInt32LE(content.length, 4)
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
  const stored = Buffer.concat([header, block, content, trailer])
  return { size: stored.length, stored }
}
