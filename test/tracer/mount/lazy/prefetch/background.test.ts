/** What is fetched when a start is over: in order, once, giving way to what is read, and no more than can be kept. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { Group } from '../../../../../image/estargz/read/groups.ts'
import { openSource } from '../../../../../image/sources.ts'
import { HANG_MS } from '../../../../../scripts/support/until.ts'
import { HeadstartError } from '../../../../../system/errors.ts'
import type { LazyContent } from '../../../../../tracer/mount/lazy/content.ts'
import { createDemand } from '../../../../../tracer/mount/lazy/demand.ts'
import { fetchRest, type Rest } from '../../../../../tracer/mount/lazy/prefetch/background.ts'
import type { Wanted } from '../../../../../tracer/mount/lazy/prefetch/plan.ts'
import { writeTrace } from '../../../../../tracer/trace/file.ts'
import { tempFolder } from '../../../../support/temp.ts'
import { traceFile, traceOf } from '../../../trace/traces.ts'
import { writeLazyImage } from '../estargz-image.ts'
import { mountServed } from '../served.ts'

const MIB = 1 << 20

const group = (offset: number, size: number): Group => ({
  offset,
  end: offset + size,
  chunks: [{ offset, end: offset + size, innerOffset: 0, fileOffset: 0, size, digest: undefined }],
})

/** Groups of a MiB with nothing between them. */
const row = (layer: number, count: number): Wanted[] =>
  Array.from({ length: count }, (_, index) => ({ layer, group: group(index * MIB, MIB) }))

/** Keeps what it fetches; `fault` may fail a request by its number. */
function fakeContent(fault: (request: number) => Error | undefined = () => undefined) {
  const fetched: [layer: number, start: number, end: number][] = []
  const kept = new Set<string>()
  const content: Pick<LazyContent, 'fetch' | 'has'> = {
    has: (layer, { offset }) => kept.has(`${layer}:${offset}`),
    async fetch(layer, { start, end, groups }) {
      const error = fault(fetched.length)
      fetched.push([layer, start / MIB, end / MIB])
      if (error) throw error
      for (const { offset } of groups) kept.add(`${layer}:${offset}`)
    },
  }
  return { content, fetched, kept }
}

const plain: Omit<Rest, 'wanted'> = {
  startMs: 1,
  begun: Promise.resolve(),
  room: async () => Number.POSITIVE_INFINITY,
  settled: async () => {},
}

test('what comes first is fetched first, in requests of up to 4 MiB, and what is there already not at all', async () => {
  const { content, fetched, kept } = fakeContent()
  kept.add(`0:${2 * MIB}`)
  const [later] = row(1, 1)
  if (!later) throw new Error('nothing wanted')
  await fetchRest(content, createDemand(), { ...plain, wanted: [later, ...row(0, 9), later] })
  expect(fetched).toEqual([
    [1, 0, 1],
    [0, 0, 2],
    [0, 3, 7],
    [0, 7, 9],
  ])
})

test('a damaged group is left out; when the registry fails nothing more is asked for', async () => {
  const damaged = fakeContent((request) =>
    request === 0 ? new HeadstartError('E_DIGEST', 'damaged') : undefined,
  )
  await fetchRest(damaged.content, createDemand(), { ...plain, wanted: row(0, 12) })
  expect(damaged.fetched).toHaveLength(3)
  const cut = fakeContent((request) => (request === 1 ? new HeadstartError('E_REGISTRY', 'gone') : undefined))
  await fetchRest(cut.content, createDemand(), { ...plain, wanted: row(0, 12) })
  expect(cut.fetched).toHaveLength(2)
})

test('it ends where no more can be kept', async () => {
  const { content, fetched } = fakeContent()
  const room = async () => (10 - 4 * fetched.length) * MIB
  await fetchRest(content, createDemand(), { ...plain, room, wanted: row(0, 100) })
  expect(fetched).toHaveLength(2)
})

test('nothing is fetched before the container starts, nor while anything is fetched on demand', async () => {
  const { content, fetched } = fakeContent()
  const [begun, read] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const demand = createDemand()
  void demand.during(read.promise)
  const done = fetchRest(content, demand, { ...plain, begun: begun.promise, wanted: row(0, 1) })
  // Long enough for one that doesn't wait; a slow machine only makes this test pass more easily.
  const soon = () => new Promise((resolve) => setTimeout(resolve, 1000))
  await soon()
  expect(fetched).toEqual([])
  begun.resolve()
  await soon()
  expect(fetched).toEqual([])
  read.resolve()
  await done
  expect(fetched).toHaveLength(1)
})

test('through a mount: after the start all that can be seen is there, and what a higher layer hides was not fetched', async () => {
  await using temp = await tempFolder()
  const [app, shown, hidden] = [randomBytes(300_000), randomBytes(200_000), randomBytes(400_000)]
  const reference = await writeLazyImage(await temp.sub('image'), [
    {
      rest: [
        { name: 'hidden', content: hidden },
        { name: 'shown', content: shown },
      ],
      chunkSize: 100_000,
    },
    { rest: [{ name: '.wh.hidden' }, { name: 'app', content: app }], chunkSize: 100_000 },
  ])
  const file = `${temp.path}/trace.json`
  await writeTrace(file, traceOf([traceFile('app', { ranges: [[0, 10]] })]))
  const image = await (await openSource(reference)).image()
  const profile = { attached: false, files: [file] }
  await using run = await mountServed(image, { background: true, profile })
  await run.mount.begin()
  const rest = app.length - 100_000 + shown.length
  const fetched = async () => (await run.mount.counters()).background.bytes
  await expect.poll(fetched, { timeout: HANG_MS }).toBeGreaterThanOrEqual(rest)
  expect(await readFile(run.at('app'))).toEqual(app)
  expect(await readFile(run.at('shown'))).toEqual(shown)
  const { onDemand, background } = await run.mount.counters()
  expect(onDemand.requests).toBe(0)
  expect(background.bytes).toBeLessThan(rest + 10_000)
})

test('a read that fails says why to whoever asks the mount', async () => {
  await using temp = await tempFolder()
  const reference = await writeLazyImage(await temp.sub('image'), [
    { rest: [{ name: 'app', content: randomBytes(300_000) }] },
  ])
  const image = await (await openSource(reference)).image()
  let isGone = false
  const fault = (path: string) =>
    isGone && path.includes('/blobs/') ? ({ status: 403 } as const) : undefined
  await using run = await mountServed(image, { fault })
  expect(await run.mount.faults()).toEqual([])
  isGone = true
  await expect(readFile(run.at('app'))).rejects.toThrow(/EIO/)
  expect(await run.mount.faults()).toEqual([expect.stringMatching(/403/)])
})
