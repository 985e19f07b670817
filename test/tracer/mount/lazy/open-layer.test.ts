/** The end of a blob: in one request if its table of contents is as large as most, in two otherwise, and in none if it is kept. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { TOC_DIGEST_ANNOTATION } from '../../../../image/estargz/format/toc.ts'
import type { ByteRange, Digest } from '../../../../image/types.ts'
import { until } from '../../../../scripts/support/until.ts'
import type { KeptToc, KeptTocs } from '../../../../tracer/mount/lazy/cache/documents.ts'
import { openLayer } from '../../../../tracer/mount/lazy/open-layer.ts'
import type { Counters } from '../../../../tracer/mount/messages.ts'
import { writeInMemory } from '../../../image/estargz/in-memory.ts'
import { file, tarOf } from '../../../support/tar.ts'

const DIGEST: Digest = `sha256:${'a'.repeat(64)}`

/** @param files of a few bytes, whose entries take most of the layer */
async function layerWith(files: number) {
  const items = Array.from({ length: files }, (_, index) =>
    file(`${index}-${randomBytes(20).toString('hex')}`, 'x'),
  )
  const { bytes, tocDigest } = await writeInMemory(await tarOf(items), [])
  const asked: ByteRange[] = []
  const layer = {
    descriptor: {
      mediaType: 'x',
      digest: DIGEST,
      size: bytes.length,
      annotations: { [TOC_DIGEST_ANNOTATION]: tocDigest },
    },
    open: async (range: ByteRange = { start: 0, end: bytes.length }) => {
      asked.push(range)
      return Readable.from([bytes.subarray(range.start, range.end)], { objectMode: false })
    },
  }
  return { layer, asked, size: bytes.length }
}

function noCounts(): Counters {
  const none = () => ({ requests: 0, bytes: 0 })
  return { toc: none(), prefetch: none(), onDemand: none(), background: none(), cached: 0 }
}

function keeper() {
  const kept = new Map<Digest, KeptToc>()
  const tocs: KeptTocs = {
    get: async (layer) => kept.get(layer),
    put: (layer, toc) => void kept.set(layer, toc),
    remove: async (layer) => void kept.delete(layer),
  }
  return { kept, tocs }
}

test.each([
  [20, 1],
  [2000, 2],
])('of %i files the table of contents takes %i requests, and no byte twice', async (files, requests) => {
  const { layer, asked, size } = await layerWith(files)
  const counters = noCounts()
  const opened = await openLayer(layer, { counters, kept: undefined, where: 'layer 1 of 1' })
  expect(opened.entries).toHaveLength(files)
  expect(asked).toHaveLength(requests)
  const bytes = asked.reduce((sum, { start, end }) => sum + end - start, 0)
  expect(counters.toc).toEqual({ requests, bytes })
  expect(bytes).toBe(size - Math.min(...asked.map(({ start }) => start)))
})

test('what is kept is not asked for; what is damaged is, and replaces it', async () => {
  const { layer, asked } = await layerWith(2000)
  const { kept, tocs } = keeper()
  const open = () => openLayer(layer, { counters: noCounts(), kept: tocs, where: 'layer 1 of 1' })
  const first = await open()
  expect(asked.splice(0)).toHaveLength(2)
  expect(await open()).toEqual(first)
  expect(asked).toEqual([])
  const whole = kept.get(DIGEST)?.tail ?? Buffer.alloc(0)
  const damages = [
    Buffer.alloc(0),
    whole.subarray(1),
    whole.subarray(0, -1),
    Buffer.from(whole).fill(0, 100, 200),
  ]
  for (const tail of damages) {
    kept.set(DIGEST, { tail })
    expect(await open()).toEqual(first)
    expect(asked.splice(0)).toHaveLength(2)
    expect(kept.get(DIGEST)?.tail).toEqual(whole)
  }
})

test('a layer without the annotation can’t be read lazily', async () => {
  const { layer } = await layerWith(1)
  const { annotations: _, ...descriptor } = layer.descriptor
  const opening = openLayer(
    { ...layer, descriptor },
    { counters: noCounts(), kept: undefined, where: 'layer 2 of 5' },
  )
  await expect(opening).rejects.toMatchObject({
    code: 'E_NOT_ESTARGZ',
    message: expect.stringContaining('layer 2 of 5'),
  })
})

test('parsing waits for what comes before it, fetching does not', async () => {
  const { layer, asked } = await layerWith(2000)
  const before = Promise.withResolvers<void>()
  let isOpen = false
  const opening = openLayer(layer, {
    counters: noCounts(),
    kept: undefined,
    before: before.promise,
    where: '',
  }).then(() => {
    isOpen = true
  })
  await until('all is asked for', () => asked.length === 2)
  expect(isOpen).toBe(false)
  before.resolve()
  await opening
})
