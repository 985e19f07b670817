/**
 * Sparse files: which parts of the content a tar stores. GNU's own header (`S`) and the PAX versions 0.0, 0.1 and 1.0.
 * Source: GNU tar manual, "Storing Sparse Files".
 */
import { BLOCK } from './entry.ts'
import { parseNumber, tarError } from './header.ts'
import { SPARSE_MAP } from './pax.ts'

/** Stored data of `length` bytes belongs to `offset` of the file; the rest is zeros. */
export interface SparsePart {
  readonly offset: number
  readonly length: number
}

/** No tar tool writes more parts than this; they would only cost memory. */
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

/** By the records, as Go's reader decides: a file of an unknown version is not sparse. */
export function sparseVersion(records: ReadonlyMap<string, string>): '0.x' | '1.0' | undefined {
  const [major = '', minor = ''] = ['major', 'minor'].map((part) => records.get(`GNU.sparse.${part}`))
  if (major === '0' && (minor === '0' || minor === '1')) return '0.x'
  if (major === '1' && minor === '0') return '1.0'
  return major === '' && minor === '' && records.get(SPARSE_MAP) ? '0.x' : undefined
}

/** The parts that the records of version 0.0 or 0.1 name. */
export function paxParts(records: ReadonlyMap<string, string>, where: string): SparsePart[] {
  const map = records.get(SPARSE_MAP) ?? ''
  const numbers = map === '' ? [] : map.split(',')
  const count = decimal(records.get('GNU.sparse.numblocks'), where)
  if (numbers.length !== 2 * count)
    throw tarError(`${where} has a sparse map of ${numbers.length} numbers for ${count} parts`)
  return pairUp(numbers, where)
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
    if (this.rest.length >= BLOCK) throw tarError(`${this.where} has a sparse map without line breaks`)
    return undefined
  }
}

function partCount(text: string, where: string): number {
  const count = decimal(text, where)
  if (count > MAX_PARTS) throw tarError(`${where} has a sparse map of ${count} parts`)
  return count
}

function pairUp(numbers: readonly string[], where: string): SparsePart[] {
  if (numbers.length > 2 * MAX_PARTS) throw tarError(`${where} has a sparse map with too many parts`)
  const parts: SparsePart[] = []
  for (let at = 0; at + 1 < numbers.length; at += 2)
    parts.push({ offset: decimal(numbers[at], where), length: decimal(numbers[at + 1], where) })
  return parts
}

function decimal(text: string | undefined, where: string): number {
  const value = text !== undefined && /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value))
    throw tarError(
      `${where} has a sparse map with ${JSON.stringify(text?.slice(0, 40) ?? '')} instead of a number`,
    )
  return value
}

/** @throws HeadstartError E_TAR: parts that overlap, lie outside, or are not the bytes stored */
export function checkParts(parts: readonly SparsePart[], stored: number, size: number, where: string): void {
  let end = 0
  let total = 0
  for (const { offset, length } of parts) {
    if (offset < end || length < 0 || offset + length > size)
      throw tarError(`${where} has a sparse map that exceeds its size`)
    end = offset + length
    total += length
  }
  if (total !== stored) throw tarError(`${where} stores ${stored} bytes; its sparse map lists ${total}`)
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
      if (part === undefined) throw tarError(`${this.where} stores more than its sparse map lists`)
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
