/**
 * Sparse files: which parts of the content a tar stores. GNU's own header (`S`) and the PAX versions 0.0, 0.1 and 1.0.
 * Source: GNU tar manual, "Storing Sparse Files".
 */
import { BLOCK } from './entry.ts'
import { parseNumber, tarError } from './header.ts'

/** Stored data of `length` bytes belongs to `offset` of the file; the rest is zeros. */
export interface SparsePart {
  readonly offset: number
  readonly length: number
}

/** More parts than this no tar tool writes; they would only cost memory. */
export const MAX_PARTS = 1 << 20

/** The four parts of a GNU header, or the 21 of a block that extends it. */
export function gnuParts(block: Buffer, start: number, count: number, where: string): SparsePart[] {
  const parts: SparsePart[] = []
  for (let at = start; at < start + 24 * count && block[at] !== 0; at += 24)
    parts.push({
      offset: parseNumber(block, at, at + 12, 'sparse offset', where),
      length: parseNumber(block, at + 12, at + 24, 'sparse length', where),
    })
  return parts
}

export const GNU_HEADER = { start: 386, count: 4, isExtended: 482, realSize: 483 } as const
export const GNU_EXTENSION = { start: 0, count: 21, isExtended: 504 } as const

/** @returns the parts of PAX 0.0 and 0.1; `'1.0'` when the map opens the content; undefined for a file that isn't sparse */
export function paxParts(
  records: readonly (readonly [string, string])[],
  where: string,
): SparsePart[] | '1.0' | undefined {
  const all = new Map(records)
  if (all.get('GNU.sparse.major') === '1' && all.get('GNU.sparse.minor') === '0') return '1.0'
  const map = all.get('GNU.sparse.map')
  if (map !== undefined) return pairUp(map.split(','), where)
  if (!all.has('GNU.sparse.size')) return undefined
  return pairUp(
    records.flatMap(([key, value]) =>
      key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes' ? [value] : [],
    ),
    where,
  )
}

/**
 * Reads the map of PAX 1.0, which opens the content: decimal numbers, a line each: a count, then offset and length of each part;
 * padded to whole blocks. Takes a block at a time.
 */
export class SparseMapReader {
  private readonly where: string
  private readonly numbers: string[] = []
  private rest = ''
  private wanted = 1

  constructor(where: string) {
    this.where = where
  }

  /** @returns undefined while the map goes on */
  push(block: Buffer): SparsePart[] | undefined {
    const lines = (this.rest + block.toString('latin1')).split('\n')
    this.rest = lines.pop() ?? ''
    for (const line of lines) {
      if (this.numbers.length === this.wanted) break
      this.numbers.push(line)
      if (this.numbers.length === 1) this.wanted += 2 * partCount(line, this.where)
    }
    if (this.numbers.length === this.wanted) return pairUp(this.numbers.slice(1), this.where)
    if (this.rest.length >= BLOCK) throw tarError(`${this.where} has a sparse map without line ends`)
    return undefined
  }
}

function partCount(text: string, where: string): number {
  const count = decimal(text, where)
  if (count > MAX_PARTS) throw tarError(`${where} has a sparse map of ${count} parts`)
  return count
}

function pairUp(numbers: readonly string[], where: string): SparsePart[] {
  if (numbers.length > 2 * MAX_PARTS) throw tarError(`${where} has a sparse map of too many parts`)
  const parts: SparsePart[] = []
  for (let at = 0; at + 1 < numbers.length; at += 2)
    parts.push({ offset: decimal(numbers[at], where), length: decimal(numbers[at + 1], where) })
  return parts
}

function decimal(text: string | undefined, where: string): number {
  const value = text !== undefined && /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw tarError(`${where} has a sparse map that is no number`)
  return value
}

/** @throws HeadstartError E_TAR: parts that overlap, lie outside, or are not the bytes stored */
export function checkParts(parts: readonly SparsePart[], stored: number, size: number, where: string): void {
  let end = 0
  let total = 0
  for (const { offset, length } of parts) {
    if (offset < end || offset + length > size) throw tarError(`${where} has a sparse map out of its size`)
    end = offset + length
    total += length
  }
  if (total !== stored) throw tarError(`${where} stores ${stored} bytes, its sparse map names ${total}`)
}

const ZEROS = Buffer.alloc(64 << 10)

/** Puts stored bytes where they belong, with zeros between: the content as a reader of the file sees it, in pieces. */
export class SparseContent {
  private readonly parts: readonly SparsePart[]
  private readonly size: number
  private readonly where: string
  private index = 0
  private position = 0

  constructor(parts: readonly SparsePart[], size: number, where: string) {
    this.parts = parts
    this.size = size
    this.where = where
  }

  *spread(data: Buffer): Generator<Buffer, void, undefined> {
    for (let at = 0; at < data.length; ) {
      yield* this.holes()
      const part = this.parts[this.index]
      if (part === undefined) throw tarError(`${this.where} stores more than its sparse map names`)
      const length = Math.min(part.offset + part.length - this.position, data.length - at)
      yield data.subarray(at, at + length)
      at += length
      this.position += length
    }
  }

  /** Zeros up to the next part that has bytes, or to the end of the file. */
  *holes(): Generator<Buffer, void, undefined> {
    for (let part = this.parts[this.index]; part; part = this.parts[++this.index])
      if (part.length > 0 && this.position < part.offset + part.length) break
    const end = this.parts[this.index]?.offset ?? this.size
    while (this.position < end) {
      const length = Math.min(ZEROS.length, end - this.position)
      this.position += length
      yield ZEROS.subarray(0, length)
    }
  }
}
