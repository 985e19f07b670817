/** Docker's frames of output: whatever the pieces in which they arrive, each stream is what was written. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSplitter } from '../../../../tracer/container/docker/frames.ts'

const frame = (stream: number, bytes: Buffer): Buffer => {
  const header = Buffer.alloc(8)
  header[0] = stream
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}

test('split anywhere, each stream is whole and in order', () => {
  const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })))
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (written, steps) => {
      const all = Buffer.concat(written.map(([stream, bytes]) => frame(stream, Buffer.from(bytes))))
      const split = createSplitter()
      const read = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const step = steps[turn % steps.length] ?? 1
        for (const { stream, bytes } of split(all.subarray(at, at + step)))
          read[stream] = Buffer.concat([read[stream], bytes])
        at += step
      }
      for (const [number, name] of [
        [1, 'stdout'],
        [2, 'stderr'],
      ] as const) {
        const expected = written.filter(([stream]) => stream === number).map(([, bytes]) => bytes)
        expect(read[name]).toEqual(Buffer.concat(expected))
      }
    }),
  )
})

test('something else than a frame is refused', () => {
  expect(() => createSplitter()(Buffer.from('HTTP/1.1 200'))).toThrow(/something else than frames/)
})
