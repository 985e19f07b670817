/** What is said of a container that is started lazily. */
import { expect, test } from 'vitest'
import { lazyLines } from '../../../cli/print/run.ts'

const plan = {
  by: 'profile',
  profiles: [{ name: 'start', digest: 'sha256:0' }],
  bytes: 12_300_000,
  requests: 3,
  notes: [],
} as const

test.each([
  [plan, '12.3 MB prefetched by profile start'],
  [{ ...plan, profiles: [{ name: 'a' }, { name: 'b.json' }] }, '12.3 MB prefetched by profiles a, b.json'],
  [{ ...plan, by: 'zone' as const, profiles: [] }, '12.3 MB prefetched by its prioritized zone'],
  [{ ...plan, bytes: 0 }, 'the files of profile start are cached'],
  [{ ...plan, by: 'nothing' as const, bytes: 0 }, 'nothing prefetched'],
])('%j', (each, text) => {
  expect(lazyLines(18, { ...each, profiles: [...each.profiles], notes: [] })).toEqual([
    `read lazily: 18 layers, ${text}`,
  ])
})

test('what else is to be known is two lines at most', () => {
  expect(lazyLines(1, { ...plan, profiles: [], notes: ['a', 'b', 'c'] }).slice(1)).toEqual(['a', 'b'])
})
