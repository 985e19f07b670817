/** A line is a line, however much of it somebody else wrote. */
import { expect, test } from 'vitest'
import { failuresOf, HeadstartError, messageOf } from '../../system/errors.ts'

test('megabytes in a message or a hint are cut', () => {
  const { message, hint } = new HeadstartError('E_FILE', `a${'b'.repeat(3e6)}`, { hint: 'c'.repeat(3e6) })
  expect(message).toMatch(/^ab+…$/)
  expect(message.length).toBeLessThan(5000)
  expect(hint?.length).toBeLessThan(5000)
})

test('what failed first is told first, then what failed while cleaning up', async () => {
  async function work(): Promise<void> {
    await using stack = new AsyncDisposableStack()
    stack.defer(() => Promise.reject(new Error('the last to be released')))
    stack.defer(() => Promise.reject(new Error('the first to be released')))
    throw new HeadstartError('E_FILE', 'what happened')
  }
  const thrown = await work().catch((error: unknown) => error)
  expect(failuresOf(thrown).map(messageOf)).toEqual([
    'what happened',
    'the first to be released',
    'the last to be released',
  ])
  expect(failuresOf('alone')).toEqual(['alone'])
})
