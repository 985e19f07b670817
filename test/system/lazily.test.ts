/** A value made on first use. */
import { expect, test } from 'vitest'
import { lazily } from '../../system/lazily.ts'

test('is made once, even if it is undefined', () => {
  let made = 0
  const value = lazily(() => {
    made++
    return undefined
  })
  expect(made).toBe(0)
  expect([value(), value(), made]).toEqual([undefined, undefined, 1])
})
