/** Paths of a layer: cleaned as container runtimes do, and as text that can be turned back into the same bytes. */
import { expect, test } from 'vitest'
import { ancestorsOf, bytesOf, layerPath, normalizePath, parentOf, textOf } from '../../system/byte-path.ts'

test.each([
  ['./usr//bin/', 'usr/bin'],
  ['../x', 'x'],
  ['a/../../b', 'b'],
  ['/', ''],
])('an entry of a layer named %j is %j', (name, path) => {
  expect(layerPath(name)).toBe(path)
})

test('an archive’s own file may not be named with .., and nothing with a NUL', () => {
  expect(normalizePath('./usr//bin/')).toBe('usr/bin')
  expect(() => normalizePath('a/../b')).toThrow(expect.objectContaining({ code: 'E_PATH' }))
  for (const clean of [normalizePath, layerPath]) expect(() => clean('a\0b')).toThrow(/contains a NUL byte/)
})

test('limits of Linux; a whiteout hides a name as long as any', () => {
  expect(layerPath(`.wh.${'n'.repeat(255)}`)).toHaveLength(259)
  expect(() => layerPath('n'.repeat(256))).toThrow(/has 256 bytes; 255 is the limit/)
  expect(() => layerPath('d/'.repeat(2048))).not.toThrow()
  expect(() => layerPath('d/'.repeat(2049))).toThrow(/has 4097 bytes; 4095 is the limit/)
})

test.each(['plain', '100%', 'caf\xe9', 'caf\xc3\xa9', '\xff%41'])('%j as text and back', (path) => {
  expect(bytesOf(textOf(path))).toBe(path)
})

test('parents and ancestors', () => {
  expect([parentOf('usr/bin/env'), parentOf('usr')]).toEqual(['usr/bin', ''])
  expect(ancestorsOf('a/b/c')).toEqual(['a', 'a/b'])
})
