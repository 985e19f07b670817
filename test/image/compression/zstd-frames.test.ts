/** Heads of zstd frames and blocks, parsed; streams cut where a frame ends. */
import { constants, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { parseBlockHead, parseFrameHead, zstdFrames } from '../../../image/compression/zstd-frames.ts'
import { inPieces } from '../../support/in-pieces.ts'

const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) & 0x3f))
const skippable = Buffer.from([0x5e, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5])
const frame = (bytes: Buffer, checksumFlag = 0) =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: checksumFlag } })

test('a head says how many bytes it takes, before and when it is whole', () => {
  const bytes = frame(content, 1)
  const whole = parseFrameHead(bytes)
  expect(whole).toMatchObject({ kind: 'frame', checksum: 4 })
  expect(parseFrameHead(bytes.subarray(0, 3))).toEqual({ kind: 'incomplete', length: 5 })
  expect(parseFrameHead(bytes.subarray(0, 5))).toEqual({ kind: 'incomplete', length: whole.length })
  expect(parseFrameHead(frame(content))).toMatchObject({ checksum: 0 })
  expect(parseFrameHead(skippable)).toEqual({ kind: 'skippable', length: 8, body: 5 })
  expect(parseFrameHead(skippable.subarray(0, 7))).toEqual({ kind: 'incomplete', length: 8 })
})

test('what is not a frame is an error', () => {
  expect(() => parseFrameHead(Buffer.from('hello'))).toThrow(
    expect.objectContaining({ code: 'E_COMPRESSION' }),
  )
})

test('a block: its bytes, or one that is repeated', () => {
  const head = (type: number, size: number, isLast: boolean) => {
    const bytes = Buffer.alloc(3)
    bytes.writeUIntLE((size << 3) | (type << 1) | Number(isLast), 0, 3)
    return parseBlockHead(bytes)
  }
  expect(head(0, 1000, false)).toEqual({ kind: 'block', length: 3, body: 1000, isLast: false })
  expect(head(1, 1000, true)).toEqual({ kind: 'block', length: 3, body: 1, isLast: true })
  expect(head(2, 0, false)).toMatchObject({ body: 0 })
  expect(parseBlockHead(Buffer.alloc(2))).toEqual({ kind: 'incomplete', length: 3 })
})

test('no write crosses the end of a frame, however the bytes come', async () => {
  const frames = [
    skippable,
    frame(content, 1),
    frame(Buffer.alloc(0)),
    skippable,
    frame(Buffer.alloc(300_000)),
  ]
  const bytes = Buffer.concat(frames)
  const ends = frames.map((_, index) => Buffer.concat(frames.slice(0, index + 1)).length)
  for (const size of [1, 7, 4099, 1 << 20]) {
    const stream = zstdFrames()
    const out: Buffer[] = []
    stream.on('data', (piece: Buffer) => out.push(piece))
    for await (const piece of inPieces(bytes, size)) stream.write(piece)
    stream.end()
    await new Promise((resolve) => stream.on('end', resolve))
    expect(Buffer.concat(out).equals(bytes)).toBe(true)
    let at = 0
    for (const { length } of out) {
      const next = ends.find((end) => end > at) ?? 0
      at += length
      expect(at).toBeLessThanOrEqual(next)
    }
  }
})
