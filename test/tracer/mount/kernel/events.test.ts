/** The ring that accesses travel in from the thread that serves to the one that records. */
import { expect, test } from 'vitest'
import { createRing, drain, EVENT, push } from '../../../../tracer/mount/kernel/events.ts'

test('the ring gives back what was put in, in order, also where it wraps', () => {
  const ring = createRing()
  const event = (node: number) => ({ type: EVENT.read, node, extra: 1, at: node / 2, offset: node * 2 ** 20 })
  for (let round = 0; round < 4; round++) {
    const sent = Array.from({ length: 50_000 }, (_, index) => event(round * 50_000 + index))
    for (const one of sent) push(ring, one)
    expect(drain(ring)).toEqual(sent)
  }
  expect(drain(ring)).toEqual([])
})
