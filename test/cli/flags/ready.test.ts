/** The readiness that the flags describe. */
import { expect, test } from 'vitest'
import { readyCheck } from '../../../cli/flags/ready.ts'

test('a readiness: one check, the period where there is none, the healthcheck in both of its forms', () => {
  const timeout = 1
  expect(readyCheck({ timeout }, undefined)).toEqual({ by: 'period', ms: 10_000 })
  expect(readyCheck({ timeout, readyHealth: true }, ['CMD', 'a', 'b'])).toEqual({
    by: 'health',
    command: ['a', 'b'],
  })
  expect(readyCheck({ timeout, readyHealth: true }, ['CMD-SHELL', 'a b'])).toEqual({
    by: 'health',
    command: ['/bin/sh', '-c', 'a b'],
  })
  expect(() => readyCheck({ timeout, readyHealth: true }, ['NONE'])).toThrow(/declares no healthcheck/)
  expect(() => readyCheck({ timeout, readyExit: true, readyTcp: 1 }, undefined)).toThrow(
    /--ready-tcp and --ready-exit/,
  )
  expect(() => readyCheck({ timeout, readyStatus: 200 }, undefined)).toThrow(/require --ready-http/)
})
