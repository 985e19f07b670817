/**
 * Cuts a zstd stream where a frame ends. Node's decoder returns only the first of several frames that arrive in one write, and layers of
 * many frames are common (zstd:chunked has one a chunk); given no write that crosses a border, it reads them all.
 *
 * Source: RFC 8878, sections 3.1.1 and 3.1.2.
 */
import { Transform } from 'node:stream'
import { HeadstartError } from '../../system/errors.ts'

const FRAME = 0xfd2fb528
const SKIPPABLE = 0x184d2a50

/** What the next bytes are: a frame's head, a block's three-byte head, or bytes to pass on until the next head. */
type Part = 'frame' | 'block' | 'body' | 'last'

export function zstdFrames(): Transform {
  let part: Part = 'frame'
  let left = 0 // bytes of the part, once known
  let checksum = 0
  let head = Buffer.alloc(0)

  /** @returns bytes the head needs; sets what follows it once it has them */
  function readHead(): number {
    if (part === 'block') {
      if (head.length < 3) return 3
      const value = head.readUIntLE(0, 3)
      const isRepeated = ((value >> 1) & 3) === 1
      left = isRepeated ? 1 : value >> 3
      part = (value & 1) === 1 ? 'last' : 'body'
      if (part === 'last') left += checksum
      return 3
    }
    if (head.length < 5) return 5
    const magic = head.readUInt32LE(0)
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      if (head.length < 8) return 8
      left = head.readUInt32LE(4)
      part = 'last'
      return 8
    }
    if (magic !== FRAME)
      throw new HeadstartError('E_COMPRESSION', 'the zstd stream has no frame where one must be')
    const length = 5 + fieldBytes(head[4] ?? 0)
    if (head.length < length) return length
    checksum = ((head[4] ?? 0) & 4) === 0 ? 0 : 4
    part = 'block'
    return length
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let start = 0 // of what goes out in one write
      try {
        for (let at = 0; at < chunk.length; ) {
          if (part === 'frame' || part === 'block') {
            const needed = readHead() - head.length
            const taken = Math.min(needed, chunk.length - at)
            head = Buffer.concat([head, chunk.subarray(at, at + taken)])
            at += taken
            const before: Part = part
            if (readHead() > head.length) continue
            head = Buffer.alloc(0)
            if (before === 'frame' && part === 'block') continue
          } else {
            const taken = Math.min(left, chunk.length - at)
            left -= taken
            at += taken
          }
          if (left > 0 || part === 'frame' || part === 'block') continue
          if (part === 'last') {
            this.push(chunk.subarray(start, at))
            start = at
          }
          part = part === 'last' ? 'frame' : 'block'
        }
      } catch (error) {
        return done(error instanceof Error ? error : new Error(String(error)))
      }
      done(null, start < chunk.length ? chunk.subarray(start) : undefined)
    },
  })
}

/** Bytes of window, dictionary and content size that follow the frame's descriptor byte. */
function fieldBytes(descriptor: number): number {
  const isSingle = (descriptor & 0x20) !== 0
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0
  const sizeFlag = descriptor >> 6
  const size = sizeFlag === 0 ? (isSingle ? 1 : 0) : 2 ** sizeFlag
  return (isSingle ? 0 : 1) + dictionary + size
}
