/** The lazy mount's cache: what no longer fits in memory comes from disk, what fits in neither is forgotten. */
import { expect, test } from 'vitest'
import { createContentCache } from '../../../../../tracer/mount/lazy/cache/content-cache.ts'
import { tempFolder } from '../../../../support/temp.ts'

const contents = Array.from({ length: 50 }, (_, index) => Buffer.alloc(1000, index))

async function filled(folder: string, limits: { memoryBytes: number; diskBytes: number }) {
  const cache = await createContentCache(folder, limits)
  contents.forEach((content, index) => {
    cache.put(`${index}`, content)
  })
  return cache
}

test('content that memory has no room for is there at once, and stays', async () => {
  await using temp = await tempFolder()
  const cache = await filled(temp.path, { memoryBytes: 2500, diskBytes: 1 << 20 })
  const all = () => Promise.all(contents.map((_, index) => cache.get(`${index}`)))
  expect(await all()).toEqual(contents)
  expect(await all()).toEqual(contents)
})

test('without a disk only the latest is kept', async () => {
  await using temp = await tempFolder()
  const cache = await filled(temp.path, { memoryBytes: 2500, diskBytes: 0 })
  const known = contents.map((_, index) => cache.get(`${index}`) !== undefined)
  expect(known.flatMap((is, index) => (is ? [index] : []))).toEqual([48, 49])
})
