/**
 * Ranges of files that stand ahead of the landmark, as the table of contents has them: entries before all others, a run for each chain of
 * carriers. A run has an entry for each copy of a chunk, and ends with the chain's anchor.
 *
 * A copy's entry names the file, the chunk, and where in the chain's content the copy begins. Readers that know a file by its last entry
 * never see it. The anchor is a file of one byte, in the table of contents alone: the stargz snapshotter decompresses what it prefetches
 * file by file, and with a file every other entry of the same offset (from 0.13 on, for small files that share a member). So it
 * caches each copy as the chunk that it is one of. By its name the anchor is what OCI layers use for metadata of AUFS: nobody shows it.
 */
import { HeadstartError } from '../../../system/errors.ts'
import type { BytePath } from '../../../system/text/byte-path.ts'
import { type Digest, digestOf, isDigest } from '../../digest.ts'
import type { TocEntry } from './toc.ts'

const ANCHOR_PREFIX = '.wh..wh.headstart.'
/** A chain's content begins and ends with it: readers that know nothing of `innerOffset` find the anchor's content at its beginning. */
export const ANCHOR_CONTENT = Buffer.from('\n')
const ANCHOR_DIGEST = digestOf(ANCHOR_CONTENT)
/** A chain is decoded whole. */
const MAX_CHAIN_CONTENT = 64 << 20

/** A chunk's second copy. */
export interface Copy {
  readonly name: string
  readonly fileOffset: number
  readonly size: number
  readonly digest: Digest
  /** in the chain's content */
  readonly innerOffset: number
}

export interface Chain {
  /** where its first member begins in the blob */
  readonly offset: number
  /** in the order of their content */
  readonly copies: readonly Copy[]
}

export function* entriesOfChains(chains: readonly Chain[]): Generator<TocEntry> {
  for (const [index, chain] of chains.entries()) {
    for (const copy of chain.copies) yield entryOfCopy(chain.offset, copy)
    yield anchorOf(index, chain)
  }
}

const entryOfCopy = (offset: number, { name, fileOffset, size, digest, innerOffset }: Copy): TocEntry => ({
  name,
  type: 'reg',
  offset,
  innerOffset,
  chunkOffset: fileOffset || undefined,
  chunkSize: size,
  chunkDigest: digest,
})

const anchorOf = (index: number, { offset, copies }: Chain): TocEntry => ({
  name: `${ANCHOR_PREFIX}${index}`,
  type: 'reg',
  size: ANCHOR_CONTENT.length,
  offset,
  innerOffset: endOfCopies(copies),
  digest: ANCHOR_DIGEST,
  chunkDigest: ANCHOR_DIGEST,
})

/** A file of the tar by such a name would be taken for an anchor, or an anchor for the file. */
export const isAnchorName = (path: BytePath): boolean => path.startsWith(ANCHOR_PREFIX)

/** Bytes that the chain has in the blob at the most: each copy is a member or more, in carriers. */
export const mostBytesOf = (chain: Chain): number =>
  Math.ceil(contentBytesOf(chain) * 1.125) + 256 * chain.copies.length + (1 << 20)

/** Bytes that come out of it. */
export const contentBytesOf = ({ copies }: Chain): number => endOfCopies(copies) + ANCHOR_CONTENT.length

const endOfCopies = (copies: readonly Copy[]): number => {
  const last = copies.at(-1)
  return last ? last.innerOffset + last.size : ANCHOR_CONTENT.length
}

const fault = (what: string): HeadstartError =>
  new HeadstartError('E_ESTARGZ', `the table of contents, ranges ahead: ${what}`)

/**
 * Takes what `entriesOfChains` gives, to the letter, and nothing else: other readers make more of an entry than this one does.
 * @returns the chains, and how many entries stand for them at the beginning
 * @throws HeadstartError E_ESTARGZ: entries that look like copies, but aren't
 */
export function chainsIn(toc: readonly TocEntry[]): {
  readonly chains: readonly Chain[]
  readonly entries: number
} {
  const chains: Chain[] = []
  let copies: Copy[] = []
  let after = 0
  for (const [at, entry] of toc.entries()) {
    const first = toc[after]?.offset ?? 0
    if (isCopy(entry)) {
      if (entry.offset !== first) throw fault(`a chain at ${first} has no anchor`)
      copies.push(nextCopy(entry, copies))
      continue
    }
    if (copies.length === 0) break // a file of the tar, whatever its name
    const chain = { offset: first, copies }
    if (!isAnchorName(entry.name) || entry.offset !== first) throw fault(`a chain at ${first} has no anchor`)
    if (first <= (chains.at(-1)?.offset ?? 0)) throw fault(`the chain at ${first} is out of order`)
    if (!isExactly(entry, anchorOf(chains.length, chain)))
      throw fault(`the chain at ${first} has an invalid anchor`)
    chains.push(chain)
    copies = []
    after = at + 1
  }
  if (copies.length > 0) throw fault(`a chain at ${toc[after]?.offset} has no anchor`)
  return { chains, entries: after }
}

/** @param before those of its chain */
function nextCopy(entry: TocEntry, before: readonly Copy[]): Copy {
  const { offset = 0, innerOffset } = entry
  if (innerOffset !== endOfCopies(before))
    throw fault(`${innerOffset} in the chain at ${offset} is not where the copy before it ends`)
  const copy = copyOf(entry, innerOffset)
  if (innerOffset + copy.size > MAX_CHAIN_CONTENT)
    throw fault(`the chain at ${offset} holds over ${MAX_CHAIN_CONTENT} bytes`)
  if (!isExactly(entry, entryOfCopy(offset, copy)))
    throw fault(`the copy at ${innerOffset} in the chain at ${offset} says more than a copy does`)
  return copy
}

function isExactly(entry: TocEntry, expected: TocEntry): boolean {
  const [own, other]: Readonly<Record<string, unknown>>[] = [entry, expected]
  return [entry, expected].every((each) =>
    Object.keys(each).every((field) => own?.[field] === other?.[field]),
  )
}

/** A file without a size, but with a chunk of one, is none of the tar. */
const isCopy = ({ type, size = 0, chunkSize = 0 }: TocEntry): boolean =>
  type === 'reg' && size === 0 && chunkSize > 0

function copyOf(
  { name, chunkOffset = 0, chunkSize = 0, chunkDigest = '' }: TocEntry,
  innerOffset: number,
): Copy {
  if (!isDigest(chunkDigest))
    throw fault(`${JSON.stringify(chunkDigest.slice(0, 80))} is not a sha256 digest`)
  return { name, fileOffset: chunkOffset, size: chunkSize, digest: chunkDigest, innerOffset }
}
