/** Damage for fast-check to do to a blob: bits flipped, bytes cut out or put in, an early end. */
import fc from 'fast-check'

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
/** Most of what counts is at the end. */
const spot = fc.oneof(
  place,
  place.map((x) => 1 - x * x * x * 0.2).filter((x) => x < 1),
)
export const damage = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: spot, value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: spot, value: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ kind: fc.constant('add' as const), at: spot, value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('end' as const), at: spot, value: fc.constant(0) }),
)

export function damaged(
  bytes: Buffer,
  { kind, at, value }: { kind: string; at: number; value: number },
): Buffer {
  const position = Math.floor(at * bytes.length)
  const [before, after] = [bytes.subarray(0, position), bytes.subarray(position)]
  if (kind === 'cut') return Buffer.concat([before, after.subarray(value)])
  if (kind === 'add') return Buffer.concat([before, Buffer.alloc(value, value), after])
  if (kind === 'end') return Buffer.from(before)
  if (position === bytes.length) return bytes
  const flipped = Buffer.from(bytes)
  flipped.writeUInt8(flipped.readUInt8(position) ^ value, position)
  return flipped
}
