/** The system calls that a container may make. */
import { expect, test } from 'vitest'
import { seccompProfile } from '../../../../tracer/container/runc/seccomp.ts'

const rules = (call: string, capabilities: readonly string[] = [], architecture = 'x64') =>
  seccompProfile(capabilities, architecture).syscalls.filter(({ names }) => names.includes(call))

test('what is not allowed is refused with EPERM', () => {
  expect(seccompProfile([], 'x64')).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1 })
  expect(rules('read')).toMatchObject([{ action: 'SCMP_ACT_ALLOW' }])
  expect(rules('kexec_load')).toEqual([])
})

test('a capability opens its calls, and those of no other', () => {
  expect(rules('mount')).toEqual([])
  expect(rules('mount', ['CAP_SYS_ADMIN'])).toHaveLength(1)
  expect(rules('mount', ['CAP_SYS_TIME'])).toEqual([])
})

test('a new namespace needs CAP_SYS_ADMIN', () => {
  expect(rules('clone3')).toMatchObject([{ action: 'SCMP_ACT_ERRNO', errnoRet: 38 }])
  expect(rules('clone').flatMap(({ args = [] }) => args)).toMatchObject([{ index: 0, value: 0x7e020000 }])
  expect(rules('clone', [], 's390x').flatMap(({ args = [] }) => args)).toMatchObject([{ index: 1 }])
  expect(rules('clone3', ['CAP_SYS_ADMIN']).map(({ action }) => action)).toEqual(['SCMP_ACT_ALLOW'])
})
