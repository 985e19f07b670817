/** What an engine says when it can't start a container, without the programs that it went through. */
import { expect, test } from 'vitest'
import { bareComplaint } from '../../../tracer/container/complaint.ts'

test.each([
  [
    '(HTTP code 500) server error - failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "x": not found: unknown',
    'exec: "x": not found',
  ],
  ['runc run failed: unable to start container process: error during container init: a\n  b', 'a b'],
  ['nothing to strip', 'nothing to strip'],
])('a complaint in one line, without those it went through: %s', (text, bare) => {
  expect(bareComplaint(text)).toBe(bare)
})
