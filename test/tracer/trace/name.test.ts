/** Which names a profile may have. */
import { expect, test } from 'vitest'
import { checkName } from '../../../tracer/trace/name.ts'

test('a name is one that shells and file systems take', () => {
  expect(checkName('checkout-2.x')).toBe('checkout-2.x')
  for (const bad of ['', '.x', '../x', 'a b', 'x'.repeat(65)])
    expect(() => checkName(bad)).toThrow(/is not a valid profile name/)
})
