/** What is fetched of zones before the tables of contents are read: in small requests, a few at once, and no more once that is known to be over. */
import { expect, test } from 'vitest'
import type { Group } from '../../../../../image/estargz/read/groups.ts'
import { until } from '../../../../../scripts/support/until.ts'
import { HeadstartError } from '../../../../../system/errors.ts'
import { fetchEarly } from '../../../../../tracer/mount/lazy/prefetch/early.ts'
import type { Run } from '../../../../../tracer/mount/lazy/runs.ts'

const KIB = 1024
const zone = (groups: number): Group[] =>
  Array.from({ length: groups }, (_, at) => ({ offset: at * 64 * KIB, end: (at + 1) * 64 * KIB, chunks: [] }))

/** Answers when it is told to. @param known offsets of groups that are at hand */
function content(known: readonly number[] = []) {
  const asked: (PromiseWithResolvers<void> & { readonly layer: number; readonly run: Run })[] = []
  return {
    asked,
    spans: () => asked.map(({ run }) => [run.start / KIB, run.end / KIB]),
    has: (_layer: number, { offset }: Group) => known.includes(offset),
    fetch(layer: number, run: Run) {
      const answer = { layer, run, ...Promise.withResolvers<void>() }
      asked.push(answer)
      return answer.promise
    },
  }
}

test('a zone is fetched from its beginning, four requests at once, what is at hand left out', async () => {
  const from = content([0])
  const early = fetchEarly(from)
  early.add(2, zone(40))
  expect(from.spans()).toEqual([
    [64, 320],
    [320, 576],
    [576, 832],
    [832, 1088],
  ])
  from.asked[0]?.resolve()
  await until('the next one', () => from.asked.length === 5)
  expect(from.spans().at(-1)).toEqual([1088, 1600])
  expect(from.asked.every(({ layer }) => layer === 2)).toBe(true)
  early.add(3, zone(1))
  expect(from.asked).toHaveLength(5)
})

test('once it is stopped no more is asked for, and it is known what was', async () => {
  const from = content()
  const early = fetchEarly(from)
  early.add(0, zone(40))
  expect(early.stop()).toEqual({ requests: 4, bytes: 1024 * KIB })
  for (const { resolve } of from.asked) resolve()
  early.add(1, zone(40))
  await Promise.all(from.asked.map(({ promise }) => promise))
  expect(from.asked).toHaveLength(4)
})

test.each([
  ['damaged content is left to whoever reads it', new HeadstartError('E_DIGEST', 'damaged'), 6],
  ['a registry that fails is not asked again', new HeadstartError('E_REGISTRY', 'away'), 4],
])('%s', async (_what, error, requests) => {
  const from = content()
  fetchEarly(from).add(0, zone(40))
  from.asked[0]?.reject(error)
  await from.asked[0]?.promise.catch(() => {})
  from.asked[1]?.resolve()
  await from.asked[1]?.promise
  await new Promise((resolve) => setImmediate(resolve))
  expect(from.asked).toHaveLength(requests)
})
