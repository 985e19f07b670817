/** The threads that compress, hash and inflate. */
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { createPool } from '../../../optimizer/compress/pool.ts'

test('the pool compresses, hashes, and is deterministic', async () => {
  await using pool = createPool({ threads: 2 })
  const content = Buffer.alloc(100_000, 'content ')
  const job = () =>
    pool.compress({
      bytes: new Uint8Array(content).buffer,
      members: [
        [0, 10],
        [10, 100_000],
      ],
      hashes: [[5, 15]],
      level: 6,
    })
  const [first, second] = await Promise.all([job(), job()])
  expect(Buffer.from(first.output)).toEqual(Buffer.from(second.output))
  expect(gunzipSync(first.output).equals(content)).toBe(true)
  expect(first.sizes.reduce((sum, size) => sum + size, 0)).toBe(first.output.length)
  expect(first.digests).toEqual([digestOf(content.subarray(5, 15))])
  const { digest, size } = await pool.hash([content, { file: import.meta.filename, start: 0, end: 10 }])
  expect([digest.slice(7), size]).toEqual([
    createHash('sha256').update(content).update('/** The th').digest('hex'),
    100_010,
  ])
})

test('the pool bounds bytes in flight, and lets one larger than all pass alone', async () => {
  await using pool = createPool({ threads: 1 })
  await pool.room(1 << 30)
  let isIn = false
  const second = pool.room(1).then(() => {
    isIn = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(isIn).toBe(false)
  pool.giveBack(1 << 30)
  await second
})

test('an abort ends what waits and what comes', async () => {
  const stop = new AbortController()
  await using pool = createPool({ threads: 1, signal: stop.signal })
  await pool.room(1 << 30)
  const waiting = pool.room(1)
  stop.abort(new Error('stopped'))
  await expect(waiting).rejects.toThrow('stopped')
  await expect(pool.hash([])).rejects.toThrow('stopped')
})

test('an error in a thread keeps its code', async () => {
  await using pool = createPool({ threads: 1 })
  const job = pool.inflate({ bytes: new ArrayBuffer(40), length: 40, chunks: [], offset: 0, limit: 1 })
  await expect(job).rejects.toMatchObject({ code: 'E_ESTARGZ' })
})
