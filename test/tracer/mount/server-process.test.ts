/** The end of a mount process, in words. */
import { expect, test } from 'vitest'
import { endOf } from '../../../tracer/mount/server-process.ts'

test.each<[string, string, number | null, NodeJS.Signals | null, string]>([
  [
    'memory',
    '\n<--- Last few GCs --->\n\n[7:0x5] 1 ms: Mark-Compact\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n----- Native stack trace -----\n\n 1: 0x7f12 node::OOM\n 2: 0x7f34 [node]\n',
    null,
    'SIGABRT',
    'ran out of memory',
  ],
  ['a stack', ' 1: 0x7f12 [node]\n 2: 0x7f34\n', null, 'SIGSEGV', 'was killed by SIGSEGV'],
  [
    'an error',
    'file:///a.ts:1\n  x()\n  ^\n\nTypeError: x is not a function\n    at a.ts:1:1\n\nNode.js v24.0.0\n',
    1,
    null,
    'ended: TypeError: x is not a function',
  ],
  ['a library', 'fuse: device not found\n', 1, null, 'ended: fuse: device not found'],
  ['nothing', '', null, 'SIGKILL', 'was killed by SIGKILL'],
  ['a status', '', 3, null, 'ended with status 3'],
])('how the mount process ended is said in words: %s', (_, complaint, code, signal, words) => {
  expect(endOf(complaint, code, signal)).toBe(words)
})
