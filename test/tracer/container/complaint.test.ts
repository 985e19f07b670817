/** What an engine says when it can't start a container, without the programs that it went through. */
import { expect, test } from 'vitest'
import { bareComplaint, portInUse, startFault } from '../../../tracer/container/complaint.ts'

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

test.each([
  [
    '(HTTP code 500) server error - driver failed programming external connectivity on endpoint x (39dc): Error starting userland proxy: listen tcp4 0.0.0.0:8931: bind: address already in use ',
    '8931',
  ],
  ['failed to set up container networking: Bind for 0.0.0.0:80 failed: port is already allocated', '80'],
  ['failed to bind host port [::1]:443/tcp: address already in use', '443'],
  ['exec: "x": not found', undefined],
])('the port that somebody else has: %s', (text, port) => {
  expect(portInUse(text)).toBe(port)
})

test.each([
  ['exec: "x": executable file not found in $PATH', 'E_NO_PROGRAM'],
  ['exec: "/x": stat /x: no such file or directory', 'E_NO_PROGRAM'],
  ['exec: "/etc": permission denied', 'E_NOT_EXECUTABLE'],
  ['exec: "/etc/is a directory": permission denied', 'E_NOT_EXECUTABLE'],
  ['exec /x: exec format error', 'E_RUN'],
  ['exec: "executable file not found": exec format error', 'E_NOT_EXECUTABLE'],
  ['error mounting "/no such file or directory": permission denied', 'E_RUN'],
])('whose fault it is that nothing started: %s', (text, code) => {
  expect(startFault(text)).toBe(code)
})
