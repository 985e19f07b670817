/** The blocks that stand before an entry's own header and describe it: PAX records (`x`), GNU's long names (`L`, `K`), and global records (`g`). */
import { BLOCK } from './entry.ts'
import { type HeaderBlock, tarError } from './header.ts'
import type { Records } from './metadata.ts'
import { parsePax } from './pax.ts'

/** Go's limit for a PAX or long-name block; runtimes refuse longer ones. */
const MAX_SPECIAL_BYTES = 1 << 20
/** All blocks before an entry's own header: every kind of special block once is less. */
const MAX_HEADER_BYTES = 4 << 20

export interface Prelude {
  blocks: Buffer[]
  bytes: number
  pax: Records
  name: string | undefined
  linkName: string | undefined
}

/** Most entries have none, and share this value. */
const NO_RECORDS: Records = new Map()

export const emptyPrelude = (): Prelude => ({
  blocks: [],
  bytes: 0,
  pax: NO_RECORDS,
  name: undefined,
  linkName: undefined,
})

export const isSpecial = ({ flag }: HeaderBlock): boolean => 'xgLK'.includes(flag)

/** Before any of it is kept. @returns how many blocks its content has */
export function expectSpecial(prelude: Prelude, { size }: HeaderBlock, where: string): number {
  if (size < 0 || size > MAX_SPECIAL_BYTES) throw tarError(`a header block ${where} has ${size} bytes`)
  const blocks = Math.ceil(size / BLOCK)
  prelude.bytes += BLOCK * (blocks + 1)
  if (prelude.bytes > MAX_HEADER_BYTES)
    throw tarError(`the headers ${where} take more than ${MAX_HEADER_BYTES} bytes`)
  return blocks
}

/** @param blocks header and content. @returns what stands before the next entry with this block */
export function withSpecial(
  prelude: Prelude,
  header: HeaderBlock,
  blocks: readonly Buffer[],
  where: string,
): Prelude {
  const bytes = Buffer.concat(blocks.slice(1)).subarray(0, header.size)
  if (header.flag === 'g') {
    parsePax(bytes, where) // a runtime refuses a damaged one
    // And skips a sound one. Go's reader takes it for an entry: what stood before it describes nothing else.
    return emptyPrelude()
  }
  const next = { ...prelude, blocks: [...prelude.blocks, ...blocks] }
  if (header.flag === 'x') return { ...next, pax: parsePax(bytes, where) }
  const zero = bytes.indexOf(0)
  const text = bytes.toString('latin1', 0, zero === -1 ? bytes.length : zero)
  return header.flag === 'L' ? { ...next, name: text } : { ...next, linkName: text }
}
