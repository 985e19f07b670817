/** The small parts of the writer: members, the cache of them, the pool, config and manifest. */
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../image/digest.ts'
import { cutMembers, MAX_GAP_BYTES, type Place } from '../../image/estargz/write/members.ts'
import { MemberCache } from '../../optimizer/compress/cache.ts'
import { createPool } from '../../optimizer/compress/pool.ts'
import { configWith, manifestWith } from '../../optimizer/rebuild/manifest.ts'
import { Segments } from '../../optimizer/spool/segments.ts'
import { mapLimit } from '../../system/map-limit.ts'

/** Entries one behind the other: 512 bytes of header each. */
function places(...sizes: number[]): Place[] {
  let at = 0
  return sizes.map((size) => {
    const start = at
    at += 512 + Math.ceil(size / 512) * 512
    return { start, content: start + 512, size, end: at }
  })
}
const cut = (entries: Place[], minChunkSize = 0) =>
  [
    ...cutMembers(entries, { chunkSizeOf: () => 1000, minChunkSize, isAlone: (place) => place.size === 1 }),
  ].map(({ ranges, chunks }) => [ranges.map(({ start, end }) => `${start}-${end}`).join(' '), chunks.length])

test('a member holds a chunk, or what stands between two', () => {
  expect(cut(places(0, 10, 2500, 0))).toEqual([
    ['0-1024', 0],
    ['1024-1034', 1],
    ['1034-2048', 0],
    ['2048-3048', 1],
    ['3048-4048', 1],
    ['4048-4548', 1],
    ['4548-5120', 0],
  ])
})

test('small files share one with minChunkSize, but never with a landmark', () => {
  expect(cut(places(10, 20, 1, 30, 40), 600)).toEqual([
    ['0-512', 0],
    ['512-1556', 2],
    ['1556-2560', 0],
    ['2560-2561', 1],
    ['2561-3584', 0],
    ['3584-4648', 2],
    ['4648-5120', 0],
  ])
})

test('entries in another order: a member’s ranges say so', () => {
  const [a, b] = places(10, 20)
  if (a === undefined || b === undefined) throw new Error('no places')
  expect(cut([b, a])).toEqual([
    ['1024-1536', 0],
    ['1536-1556', 1],
    ['1556-2048 0-512', 0],
    ['512-522', 1],
    ['522-1024', 0],
  ])
})

test('headers without end are cut into members that fit into memory', () => {
  const sizes = [
    ...cutMembers(places(...Array.from({ length: 5000 }, () => 0)), {
      chunkSizeOf: () => 1,
      minChunkSize: 0,
      isAlone: () => false,
    }),
  ].map(({ size }) => size)
  expect(Math.max(...sizes)).toBe(MAX_GAP_BYTES)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5000 * 512)
})

test('the cache gives a member for exactly its bytes', () => {
  const cache = new MemberCache()
  for (let index = 0; index < 3000; index++)
    cache.set([{ start: index * 10, end: index * 10 + 5 }], {
      at: index,
      size: 7,
      digests: [digestOf(String(index))],
    })
  const scattered = [
    { start: 5, end: 10 },
    { start: 90, end: 95 },
  ]
  cache.set(scattered, { at: 1, size: 2, digests: [] })
  expect(cache.get([{ start: 29_990, end: 29_995 }])).toEqual({
    at: 2999,
    size: 7,
    digests: [digestOf('2999')],
  })
  expect(cache.get([{ start: 29_990, end: 29_996 }])).toBeUndefined()
  expect(cache.get(scattered)).toEqual({ at: 1, size: 2, digests: [] })
  expect(cache.get(scattered.slice(0, 1))).toBeUndefined()
  expect(cache.sizeOf(20, 25)).toBe(7)
})

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
    createHash('sha256').update(content).update('/** The sm').digest('hex'),
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

test('one failure ends the others', async () => {
  const seen: number[] = []
  const work = mapLimit([1, 2, 3, 4], 2, new AbortController().signal, async (item, _, signal) => {
    seen.push(item)
    if (item === 1) throw new Error('one')
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  })
  await expect(work).rejects.toThrow('one')
  expect(seen).toEqual([1, 2])
})

test('segments can be read from anywhere', async () => {
  const segments = new Segments()
  segments.add(Buffer.from('abc'))
  segments.add({ file: import.meta.filename, start: 0, end: 3 })
  segments.add({ file: import.meta.filename, start: 3, end: 6 })
  segments.add(Buffer.from('xyz'))
  expect(segments.parts).toHaveLength(3)
  const text = async (range?: { start: number; end: number }) =>
    Buffer.concat(await segments.open(range).toArray()).toString()
  expect(await text()).toBe('abc/** Thxyz')
  expect(await text({ start: 2, end: 5 })).toBe('c/*')
  expect(await text({ start: 9, end: 12 })).toBe('xyz')
})

test('only the diffIDs of a config change, and big numbers stay what they are', () => {
  const raw = Buffer.from(
    '{ "big": 12345678901234567890, "rootfs": {"type":"layers", "diff_ids" : [ "sha256:0" ]}, "n": 1.0 }',
  )
  const id = digestOf('x')
  expect(configWith(raw, [id]).toString()).toBe(
    `{ "big": 12345678901234567890, "rootfs": {"type":"layers", "diff_ids":["${id}"]}, "n": 1.0 }`,
  )
})

test('a Docker manifest becomes an OCI one; annotations and unknown fields stay', () => {
  const raw = {
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: { mediaType: 'x', digest: 'd', size: 1, extra: true },
    layers: [],
    annotations: { a: 'b' },
  }
  const layer = { mediaType: 'l', digest: digestOf('l'), size: 2, annotations: { toc: 't' } }
  const manifest = JSON.parse(
    manifestWith(Buffer.from(JSON.stringify(raw)), { digest: digestOf('c'), size: 9 }, [
      layer,
    ]).bytes.toString(),
  )
  expect(manifest).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf('c'),
      size: 9,
      extra: true,
    },
    layers: [layer],
    annotations: { a: 'b' },
  })
})
