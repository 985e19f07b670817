/**
 * Cuts a zstd stream where a frame ends. Node's decoder returns only the first of several frames that arrive in one write, and layers of
 * many frames are common (zstd:chunked has one per chunk); when no write crosses a frame's end, it reads them all.
 *
 * Source: RFC 8878, sections 3.1.1 and 3.1.2.
 */
import { Transform } from 'node:stream'
import { HeadstartError } from '../../system/errors.ts'

const FRAME = 0xfd2fb528
const SKIPPABLE = 0x184d2a50

/** These bytes begin with a frame, or with one to skip. */
export const isZstd = (head: Buffer): boolean =>
  head.length >= 4 &&
  (head.readUInt32LE(0) === FRAME || (head.readUInt32LE(0) & 0xfffffff0) >>> 0 === SKIPPABLE)

/** What was read of a head; `length`: the bytes it takes, or, as long as nothing else is known, takes at least. */
export type Head =
  | { readonly kind: 'incomplete'; readonly length: number }
  /** of a frame, which blocks follow; `checksum`: bytes after the last */
  | { readonly kind: 'frame'; readonly length: number; readonly checksum: number }
  | { readonly kind: 'skippable'; readonly length: number; readonly body: number }
  | { readonly kind: 'block'; readonly length: number; readonly body: number; readonly isLast: boolean }

/**
 * @param head the first bytes of it; more may follow
 * @throws HeadstartError E_COMPRESSION: not a frame
 */
export function parseFrameHead(head: Buffer): Head {
  if (head.length < 5) return { kind: 'incomplete', length: 5 }
  const magic = head.readUInt32LE(0)
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE)
    return head.length < 8
      ? { kind: 'incomplete', length: 8 }
      : { kind: 'skippable', length: 8, body: head.readUInt32LE(4) }
  if (magic !== FRAME)
    throw new HeadstartError('E_COMPRESSION', 'the zstd stream is damaged: expected a frame')
  const descriptor = head.readUInt8(4)
  const length = 5 + fieldBytes(descriptor)
  if (head.length < length) return { kind: 'incomplete', length }
  return { kind: 'frame', length, checksum: (descriptor & 4) === 0 ? 0 : 4 }
}

/** As `parseFrameHead`, of a block. */
export function parseBlockHead(head: Buffer): Head {
  if (head.length < 3) return { kind: 'incomplete', length: 3 }
  const value = head.readUIntLE(0, 3)
  const isRun = ((value >> 1) & 3) === 1 // one byte, repeated
  return { kind: 'block', length: 3, body: isRun ? 1 : value >> 3, isLast: (value & 1) === 1 }
}

export function zstdFrames(): Transform {
  /** bytes of a head so far; undefined: inside a body */
  let head: Buffer | undefined = Buffer.alloc(0)
  let isInFrame = false
  let checksum = 0
  let left = 0

  /** @returns bytes taken of a head; sets what follows it once it is whole */
  function takeHead(before: Buffer, bytes: Buffer): number {
    const parse = isInFrame ? parseBlockHead : parseFrameHead
    const taken = Math.min(parse(before).length - before.length, bytes.length)
    head = Buffer.concat([before, bytes.subarray(0, taken)])
    const parsed = parse(head)
    if (parsed.kind === 'incomplete') return taken
    head = parsed.kind === 'frame' ? Buffer.alloc(0) : undefined
    if (parsed.kind === 'frame') {
      isInFrame = true
      checksum = parsed.checksum
    } else if (parsed.kind === 'skippable') left = parsed.body
    else {
      left = parsed.body + (parsed.isLast ? checksum : 0)
      isInFrame = !parsed.isLast
    }
    return taken
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let start = 0 // of what goes out in one write
      try {
        for (let at = 0; at < chunk.length; ) {
          if (head) at += takeHead(head, chunk.subarray(at))
          const taken = head ? 0 : Math.min(left, chunk.length - at)
          left -= taken
          at += taken
          if (head || left > 0) continue
          head = Buffer.alloc(0)
          if (isInFrame) continue
          this.push(chunk.subarray(start, at))
          start = at
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
