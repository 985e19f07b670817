/** How an image is run, by its place, the engine, and whether that has it. */
import { expect, test } from 'vitest'
import { parseLocation } from '../../../image/location.ts'
import type { ErrorCode } from '../../../system/error-codes.ts'
import { HeadstartError } from '../../../system/errors.ts'
import type { EngineName } from '../../../tracer/container/types.ts'
import { planRun, whyWhole } from '../../../tracer/run/plan.ts'

const plan = (reference: string, engine: EngineName, isStored = false) =>
  planRun(reference, parseLocation(reference), { engine, isStored })

test('what the engine has is started from there, unless its transport says where it is to come from', () => {
  expect(plan('web:1', 'docker', true)).toEqual({ how: 'stored', image: 'web:1' })
  expect(plan('web:1', 'runc', true)).toEqual({ how: 'unpacked' })
  expect(plan('docker://web:1', 'docker', true)).toMatchObject({ how: 'lazily' })
  expect(plan('docker-daemon:web:1', 'docker')).toEqual({ how: 'stored', image: 'web:1' })
  expect(plan('docker-daemon:web:1', 'runc')).toEqual({ how: 'unpacked' })
})

test('an image in a registry is read lazily, and else pulled by the engine', () => {
  for (const reference of ['registry.test/web:1', 'docker://registry.test/web:1'])
    expect(plan(reference, 'docker')).toMatchObject({
      how: 'lazily',
      reference: 'docker://registry.test/web:1',
      otherwise: { how: 'pulled', reference: { host: 'registry.test', repository: 'web' } },
    })
  expect(plan('web:1', 'runc')).toMatchObject({ how: 'lazily', otherwise: { how: 'unpacked' } })
})

test('a layout and an archive of layers as a registry has them are read lazily, and else unpacked', () => {
  for (const reference of ['oci:folder:1', 'oci-archive:file:1'])
    expect(plan(reference, 'docker')).toEqual({ how: 'lazily', reference, otherwise: { how: 'unpacked' } })
  expect(plan('docker-archive:file', 'docker')).toEqual({ how: 'unpacked' })
})

test('an image that isn’t eStargz is run whole, and what to do is said; one that can’t be had, or lies, isn’t', () => {
  const failed = (code: ErrorCode) => whyWhole(new HeadstartError(code, 'why'))
  expect(failed('E_NOT_ESTARGZ')).toBe('why; convert it with: headstart optimize')
  expect(failed('E_RANGE')).toBe('why')
  expect(failed('E_NO_FUSE')).toBe('why; load it with: modprobe fuse')
  expect([failed('E_DIGEST'), failed('E_UNAUTHORIZED'), failed('E_FUSE')]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})
