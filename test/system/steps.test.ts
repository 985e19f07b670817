/** A computation in steps gives what it gives at once, and lets others have a turn. */
import { expect, test } from 'vitest'
import { finish, inTurns, type Steps } from '../../system/steps.ts'

function* counted(steps: number, each: () => void): Steps<number> {
  for (let step = 0; step < steps; step++) {
    each()
    yield
  }
  return steps
}

test('at once and in turns, the result is the same', async () => {
  expect(finish(counted(3, () => {}))).toBe(3)
  expect(await inTurns(counted(3, () => {}))).toBe(3)
})

test('others have a turn before a long one ends', async () => {
  const busy = () => {
    for (const end = performance.now() + 1; performance.now() < end; );
  }
  let step = 0
  let seenAt = 0
  setImmediate(() => {
    seenAt = step
  })
  await inTurns(
    counted(100, () => {
      step++
      busy()
    }),
  )
  expect(step).toBe(100)
  expect(seenAt).toBeGreaterThan(0)
  expect(seenAt).toBeLessThan(100)
})

test('what fails in a step fails, either way', async () => {
  const failing = () => {
    throw new Error('no')
  }
  expect(() => finish(counted(1, failing))).toThrow('no')
  await expect(inTurns(counted(1, failing))).rejects.toThrow('no')
})
