/** Why a container was not ready: the reason, and not what followed from it. */
import { expect, test } from 'vitest'
import { type Ground, readyOn } from '../../../../tracer/container/readiness/ready-on.ts'
import type { Outcome, StartedContainer } from '../../../../tracer/container/start.ts'

const nothing = async () => {}
const started = (ready: Promise<Outcome>): StartedContainer => ({
  container: {
    address: undefined,
    ports: new Map(),
    exited: new Promise(() => {}),
    exec: async () => 0,
    kill: nothing,
    [Symbol.asyncDispose]: nothing,
  },
  args: [],
  startedAt: { monotonic: 0, date: new Date(0) },
  untilReady: () => ready,
  [Symbol.asyncDispose]: nothing,
})
const ended = () => started(Promise.reject(new Error('the container ended')))
const never = new Promise<never>(() => {})
const lasting: Ground = { died: never, isThere: async () => {} }

test('ready, as long as what it depends on lives', async () => {
  const outcome: Outcome = { ready: { by: 'exit', at: 1 } }
  expect(await readyOn(started(Promise.resolve(outcome)), lasting)).toBe(outcome)
})

test('the mount died: so says the error, though the container ended first', async () => {
  const { promise: died, reject } = Promise.withResolvers<never>()
  const isThere = () => {
    // It is asked before its end is noticed.
    reject(new Error('the mount died'))
    return never
  }
  await expect(readyOn(ended(), { died, isThere })).rejects.toThrow('the mount died')
  await expect(readyOn(started(never), { died, isThere })).rejects.toThrow('the mount died')
})

test('the mount answers: it was the container’s own end, and nobody waits to know', async () => {
  await expect(readyOn(ended(), lasting)).rejects.toThrow('the container ended')
})
