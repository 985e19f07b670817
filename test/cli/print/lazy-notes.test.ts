/** When notes of a lazy start are said: with a container's screen they come before it, or not at all. */
import { expect, test } from 'vitest'
import { type LazyNotes, lazyNotes } from '../../../cli/print/lazy-notes.ts'
import type { PrefetchPlan } from '../../../tracer/mount/mount.ts'
import type { LazyPart } from '../../../tracer/run/options.ts'

const PLAN: PrefetchPlan = { by: 'nothing', profiles: [], bytes: 0, requests: 0, notes: [] }

interface Start {
  readonly notes: LazyNotes
  readonly lazy: LazyPart
  /** What is prefetched is known. */
  planned(): void
}

/** @returns what was said after each step */
async function saidAfter(
  isShared: boolean,
  ...steps: readonly ((start: Start) => unknown)[]
): Promise<number[]> {
  const said: string[] = []
  const { promise: prefetch, resolve } = Promise.withResolvers<PrefetchPlan>()
  const start: Start = {
    notes: lazyNotes({ note: (lines) => void said.push(...[lines].flat()) }, isShared),
    lazy: { layers: 1, prefetch },
    planned: () => resolve(PLAN),
  }
  const counts: number[] = []
  for (const step of steps) {
    step(start)
    await new Promise(setImmediate) // whoever waits goes on
    counts.push(said.length)
  }
  return counts
}

const opened = ({ notes, lazy }: Start) => notes.opened(lazy)
const planned = (start: Start) => start.planned()
const begun = ({ notes }: Start) => notes.begun()
const running = ({ notes, lazy }: Start) => void notes.running(lazy)

test('a container with streams of its own: once it runs', async () => {
  expect(await saidAfter(false, opened, planned, begun, running)).toEqual([0, 0, 0, 1])
  expect(await saidAfter(false, opened, begun, running, planned)).toEqual([0, 0, 0, 1])
})

test('a container on the same screen: before it has written anything', async () => {
  expect(await saidAfter(true, opened, planned, begun, running)).toEqual([0, 1, 1, 1])
})

test.each([[begun], [running]])('a container on the same screen: never after %o', async (step) => {
  expect(await saidAfter(true, opened, step, planned, running)).toEqual([0, 0, 0, 0])
})

test('a container that ends before it is known what is prefetched was read lazily all the same', async () => {
  const lazy = { layers: 1, prefetch: Promise.reject(new Error('gone')) }
  const said: unknown[] = []
  const notes = lazyNotes({ note: (lines) => void said.push(lines) }, false)
  notes.opened(lazy)
  await notes.running(lazy)
  expect(said).toEqual([['read lazily: 1 layer']])
})
