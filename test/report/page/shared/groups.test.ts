/** Packages and folders of files. */
import { expect, test } from 'vitest'
import { groupOf } from '../../../../report/page/shared/groups.ts'

test('groups are packages if the path names one, folders otherwise', () => {
  expect(groupOf('usr/lib/python3/dist-packages/numpy/core/x.so')).toBe('usr/lib/python3/dist-packages/numpy')
  expect(groupOf('app/node_modules/@scope/name/node_modules/inner/i.js')).toBe('app/node_modules/@scope/name')
  expect(groupOf('usr/share/doc/libc6/README')).toBe('usr/share/doc')
  expect(groupOf('usr/lib/python3.11/asyncio/a.py')).toBe('usr/lib/python3.11')
  expect(groupOf('usr/bin/env')).toBe('usr/bin')
  expect(groupOf('init')).toBe('/')
})
