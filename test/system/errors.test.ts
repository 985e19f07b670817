/** A line is a line, however much of it somebody else wrote. */
import { expect, test } from 'vitest'
import { HeadstartError } from '../../system/errors.ts'

test('megabytes in a message or a hint are cut', () => {
  const { message, hint } = new HeadstartError('E_FILE', `a${'b'.repeat(3e6)}`, { hint: 'c'.repeat(3e6) })
  expect(message).toMatch(/^ab+…$/)
  expect(message.length).toBeLessThan(5000)
  expect(hint?.length).toBeLessThan(5000)
})
