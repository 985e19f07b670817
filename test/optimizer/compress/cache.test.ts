/** The cache of compressed members. */
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { MemberCache } from '../../../optimizer/compress/cache.ts'

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
