/** What a lazy runtime reads of a file with ranges ahead is what its tar holds, whatever else in the layer is equal to it. */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { carriedAt } from '../../../../image/estargz/format/carrier.ts'
import { file, tarOf } from '../../../support/tar.ts'
import { dataOf, forged, tocOf } from '../forged.ts'
import { faultsOf, writeInMemory } from '../in-memory.ts'

const TRUTH = 'the truth'
const LIE = 'a big lie'

/** The range of `b` ahead says something else than `b`. */
async function lying() {
  const layer = await writeInMemory(await tarOf([file('a', TRUTH), file('b', TRUTH)]), [], {
    hot: { b: [[0, TRUTH.length]] },
  })
  const data = Buffer.from(dataOf(layer.bytes))
  const carrier = carriedAt(data, 0)
  const member = gzipSync(LIE)
  expect(member.length).toBe((carrier?.end ?? 0) - (carrier?.start ?? 0))
  member.copy(data, carrier?.start)
  const toc = tocOf(layer.bytes).map((entry) =>
    entry.type === 'chunk' && entry.name === 'b' ? { ...entry, chunkDigest: digestOf(LIE) } : entry,
  )
  return { data, toc }
}

test('a range ahead that is not what the tar has is found', async () => {
  const { data, toc } = await lying()
  expect(await faultsOf({ ...forged(data, toc), zoneBytes: 0 })).toContainEqual(
    expect.stringMatching(/^b: has the digest .* in the tar from byte 0 on/),
  )
})

test('also where another file of the same content is said to lie in its place', async () => {
  const { data, toc } = await lying()
  const place = toc.find(({ name, type }) => name === 'b' && type === 'reg')?.offset
  const moved = toc.map((entry) => (entry.name === 'a' ? { ...entry, offset: place } : entry))
  expect(await faultsOf({ ...forged(data, moved), zoneBytes: 0 })).toContainEqual(
    expect.stringMatching(/^b: has the digest .* in the tar from byte 0 on/),
  )
})

test('a file whose data is said to begin where it does not', async () => {
  const layer = await writeInMemory(await tarOf([file('a', TRUTH), file('b', TRUTH)]), [], {
    hot: { b: [[0, TRUTH.length]] },
  })
  for (const by of [-1, -60, 1]) {
    const toc = tocOf(layer.bytes).map((entry) =>
      entry.type === 'reg' && entry.name === 'b' ? { ...entry, offset: (entry.offset ?? 0) + by } : entry,
    )
    const faults = await faultsOf({ ...forged(dataOf(layer.bytes), toc), zoneBytes: 0 })
    expect(faults, String(by)).not.toEqual([])
  }
})
