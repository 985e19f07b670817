/**
 * A reader of FlatBuffers, of what a zTOC uses of them: tables, strings, vectors of bytes and of tables. A DataView refuses every place outside
 * of the buffer, and nothing is followed back, so a hostile buffer ends in a RangeError.
 *
 * Source: flatbuffers.dev, "FlatBuffer Internals".
 */
import type { BytePath } from '../../system/text/byte-path.ts'

export class FlatTable {
  readonly #view: DataView
  readonly #at: number
  readonly #fields: number
  readonly #fieldsLength: number

  constructor(view: DataView, at: number) {
    this.#view = view
    this.#at = at
    this.#fields = at - view.getInt32(at, true)
    this.#fieldsLength = view.getUint16(this.#fields, true)
  }

  /** The table that a buffer holds. @throws RangeError */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return new FlatTable(view, view.getUint32(0, true))
  }

  byte(field: number, otherwise: number): number {
    const at = this.#place(field)
    return at === undefined ? otherwise : this.#view.getUint8(at)
  }

  int(field: number): number {
    const at = this.#place(field)
    return at === undefined ? 0 : this.#view.getInt32(at, true)
  }

  /** @throws RangeError: negative, or more than a number can hold */
  long(field: number): number {
    const at = this.#place(field)
    return at === undefined ? 0 : longAt(this.#view, at)
  }

  /** latin1: one code unit a byte */
  string(field: number): BytePath {
    return Buffer.from(this.bytes(field)).toString('latin1')
  }

  bytes(field: number): Uint8Array {
    const vector = this.#vector(field, 1)
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + vector.at, vector.length)
  }

  table(field: number): FlatTable | undefined {
    const at = this.#place(field)
    return at === undefined ? undefined : new FlatTable(this.#view, at + this.#view.getUint32(at, true))
  }

  tables(field: number): FlatTable[] {
    const { at, length } = this.#vector(field, 4)
    return Array.from({ length }, (_, index) => {
      const place = at + 4 * index
      return new FlatTable(this.#view, place + this.#view.getUint32(place, true))
    })
  }

  #place(field: number): number | undefined {
    const slot = 4 + 2 * field
    if (slot + 2 > this.#fieldsLength) return undefined
    const offset = this.#view.getUint16(this.#fields + slot, true)
    return offset === 0 ? undefined : this.#at + offset
  }

  #vector(field: number, bytesEach: number): { at: number; length: number } {
    const place = this.#place(field)
    if (place === undefined) return { at: 0, length: 0 }
    const at = place + this.#view.getUint32(place, true)
    const length = this.#view.getUint32(at, true)
    if (at + 4 + length * bytesEach > this.#view.byteLength)
      throw new RangeError('a vector leaves the buffer')
    return { at: at + 4, length }
  }
}

/** @throws RangeError: negative, or more than a number can hold */
export function longAt(view: DataView, at: number): number {
  const value = Number(view.getBigInt64(at, true))
  if (value < 0 || !Number.isSafeInteger(value)) throw new RangeError(`${value} is not a valid size`)
  return value
}
