/** Bytes in flight: who waits for room gets it in turn. */
import { expect, test } from 'vitest'
import { createBudget } from '../../system/budget.ts'

test('what does not fit waits, in the order in which it was asked for', async () => {
  const budget = createBudget(10)
  const got: number[] = []
  const take = (bytes: number) => budget.take(bytes).then(() => void got.push(bytes))
  await take(6)
  const waiting = [take(5), take(1)]
  await Promise.resolve()
  expect(got).toEqual([6])
  budget.giveBack(6)
  await Promise.all(waiting)
  expect(got).toEqual([6, 5, 1])
})

test('more than the whole passes alone', async () => {
  const budget = createBudget(10)
  await budget.take(1)
  let passed = false
  const large = budget.take(11).then(() => {
    passed = true
  })
  await Promise.resolve()
  expect(passed).toBe(false)
  budget.giveBack(1)
  await large
})

test('a failure reaches those who wait, and those who come', async () => {
  const budget = createBudget(10)
  await budget.take(10)
  const waiting = budget.take(1)
  budget.fail(new Error('closed'))
  await expect(waiting).rejects.toThrow('closed')
  await expect(budget.take(1)).rejects.toThrow('closed')
})
