/** How much is in memory at once while runs arrive, and that nothing is fetched twice: counted by what the cache was given and what was asked for. */
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Group } from '../../../../image/estargz/read/groups.ts'
import { groupsByOffset } from '../../../../image/estargz/read/groups.ts'
import type { ByteRange } from '../../../../image/types.ts'
import { LazyContent, type LazyLayer } from '../../../../tracer/mount/lazy/content.ts'
import { createDemand } from '../../../../tracer/mount/lazy/demand.ts'
import type { Run } from '../../../../tracer/mount/lazy/runs.ts'
import { fetchOf, opened, writeInMemory } from '../../../image/estargz/in-memory.ts'
import { file, tarOf } from '../../../support/tar.ts'

const compress = promisify<Buffer, unknown>(deflate)
/** zlib's threads take their work in turns: what has begun before is done by then. */
const behindAllDecodings = () => compress(Buffer.alloc(1000))
const FILES = 40

async function layerOf(count: number) {
  const files = Array.from({ length: count }, (_, index) => file(`f${index}`, randomBytes(20_000)))
  const layer = await writeInMemory(await tarOf(files), [], { chunkSize: 1 << 20 })
  const groups = groupsByOffset((await opened(layer)).entries)
  const asked: ByteRange[] = []
  const fetch = fetchOf(layer.bytes)
  const stream: LazyLayer['stream'] = async function* (range) {
    asked.push(range)
    const bytes = await fetch(range)
    for (let at = 0; at < bytes.length; at += 7000) yield bytes.subarray(at, at + 7000)
  }
  return { groups, stream, asked }
}

function runOf(groups: Iterable<Group>): Run {
  const all = [...groups]
  return { start: all[0]?.offset ?? 0, end: all.at(-1)?.end ?? 0, groups: all }
}

const demand = createDemand()
const noCache = { get: () => undefined, has: () => false, put: async () => {} }

test('a few groups are decoded at a time, and the next once the cache has stored one', async () => {
  const layer = await layerOf(FILES)
  const storing: (() => void)[] = []
  let [most, stored] = [0, 0]
  const cache = {
    ...noCache,
    put: () =>
      new Promise<void>((resolve) => {
        most = Math.max(most, storing.push(resolve))
        stored++
      }),
  }
  let isDone = false
  const fetched = new LazyContent([layer], { cache, demand })
    .fetch(0, runOf(layer.groups.values()), 'prefetch')
    .finally(() => {
      isDone = true
    })
  while (!isDone) {
    await behindAllDecodings()
    await setImmediate()
    for (const resolve of storing.splice(0)) resolve()
  }
  await fetched
  expect(stored).toBe(FILES)
  expect(most).toBeLessThan(10)
  expect(layer.asked).toHaveLength(1)
})

test('what is large arrives as far as there is memory for it', async () => {
  const { groups, stream } = await layerOf(1)
  const large = 200 << 20
  const [group] = groups.values()
  if (!group) throw new Error('no group')
  const claimed = { ...group, end: group.offset + large }
  let [open, most, asked] = [0, 0, 0]
  const counted: LazyLayer['stream'] = async function* (_range, reason) {
    most = Math.max(most, ++open)
    asked++
    await setImmediate()
    yield* stream({ start: group.offset, end: group.end }, reason)
    yield Buffer.alloc(large - (group.end - group.offset))
    open--
  }
  const layers = Array.from({ length: 5 }, () => ({
    groups: new Map([[group.offset, claimed]]),
    stream: counted,
  }))
  const content = new LazyContent(layers, { cache: noCache, demand })
  await Promise.all(layers.map((_, layer) => content.fetch(layer, runOf([claimed]), 'prefetch')))
  expect([most, asked]).toEqual([2, 5])
})

test('of a run, only what nobody has or is fetching is asked for; what lies between groups is skipped', async () => {
  const layer = await layerOf(6)
  const all = [...layer.groups.values()]
  const kept = new Map<string, Promise<Buffer>>()
  const cache = {
    get: (key: string) => kept.get(key),
    has: (key: string) => kept.has(key),
    put: async (key: string, content: Buffer) => void kept.set(key, Promise.resolve(content)),
  }
  const content = new LazyContent([layer], { cache, demand })
  const [first, , third, fourth] = all
  if (!first || !third || !fourth) throw new Error('no groups')
  const gap = content.fetch(0, runOf([first, third]), 'prefetch')
  const [part] = await content.read(0, third.chunks)
  await gap
  expect(part?.length).toBe(20_000)
  await content.fetch(0, runOf(all), 'prefetch')
  const range = (from: Group | undefined, to: Group | undefined) => ({ start: from?.offset, end: to?.end })
  expect(layer.asked).toEqual([range(first, third), range(all[1], all[1]), range(fourth, all[5])])
  expect(
    await content.read(
      0,
      all.flatMap(({ chunks }) => chunks),
    ),
  ).toHaveLength(6)
  expect(layer.asked).toHaveLength(3)
})

test('a stream that ends early fails those whose content is missing, and no others', async () => {
  const layer = await layerOf(3)
  const all = [...layer.groups.values()]
  const middle = all[1]
  if (!middle) throw new Error('no group')
  const cut: LazyLayer['stream'] = async function* (range, reason) {
    for await (const bytes of layer.stream({ ...range, end: middle.end - 10 }, reason)) yield bytes
  }
  const content = new LazyContent([{ ...layer, stream: cut }], { cache: noCache, demand })
  const run = content.fetch(0, runOf(all), 'prefetch')
  const reads = Promise.allSettled(all.map(({ chunks }) => content.read(0, chunks)))
  await expect(run).rejects.toMatchObject({ code: 'E_ESTARGZ' })
  expect((await reads).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
})

test('who reads what a prefetch failed to bring asks once more, and all who wait for it at once', async () => {
  const { groups, stream, asked } = await layerOf(1)
  const broken = Promise.withResolvers<never>()
  const failing: LazyLayer['stream'] = async function* (range, reason) {
    if (reason === 'prefetch') await broken.promise
    yield* stream(range, reason)
  }
  const content = new LazyContent([{ groups, stream: failing }], { cache: noCache, demand })
  const prefetch = content.fetch(0, runOf(groups.values()), 'prefetch')
  const chunks = [...groups.values()].flatMap((group) => group.chunks)
  const reads = [content.read(0, chunks), content.read(0, chunks)]
  broken.reject(new Error('the registry is away'))
  await expect(prefetch).rejects.toThrow('the registry is away')
  const [first, second] = await Promise.all(reads)
  expect(first?.[0]).toHaveLength(20_000)
  expect(second).toEqual(first)
  expect(asked).toHaveLength(1)
})
