/**
 * CRC-64 of ISO 3309, as tar-split has it for each file's content. Pure.
 * Source: ISO 3309; Go's hash/crc64, `ISO`.
 */

/** The upper halves of the table; with this polynomial the lower ones are 0. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = BigInt(byte)
  for (let bit = 0; bit < 8; bit++) value = (value & 1n) === 1n ? (value >> 1n) ^ (0xd8n << 56n) : value >> 1n
  return Number(value >> 32n)
})

/** Takes bytes in pieces. */
export class Crc64 {
  private high = -1
  private low = -1

  update(bytes: Uint8Array): this {
    let { high, low } = this
    for (let at = 0; at < bytes.length; at++) {
      const entry = TABLE[(low ^ (bytes[at] ?? 0)) & 0xff] ?? 0
      low = (low >>> 8) | (high << 24)
      high = (high >>> 8) ^ entry
    }
    this.high = high
    this.low = low
    return this
  }

  /** @returns 8 bytes, the most significant first */
  digest(): Buffer {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32BE(~this.high >>> 0, 0)
    bytes.writeUInt32BE(~this.low >>> 0, 4)
    return bytes
  }
}

export const crc64 = (bytes: Uint8Array): Buffer => new Crc64().update(bytes).digest()
