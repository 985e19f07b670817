/** Paths of a layer: cleaned as container runtimes do, and as text that can be turned back into the same bytes. */
import { expect, test } from 'vitest'
import {
  ancestorsOf,
  bytesOf,
  largestAbove,
  layerPath,
  normalizePath,
  parentOf,
  textOf,
} from '../../../system/text/byte-path.ts'

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

test('the largest number of the directories above a path, which itself doesn’t count', () => {
  const above = largestAbove(
    new Map([
      ['a', 3],
      ['a/b', 1],
      ['x', 7],
      ['a/b/c', 9],
    ]),
  )
  expect(['', 'a', 'a/b', 'a/b/c', 'a/b/c/d', 'x/y/z', 'n/m'].map(above)).toEqual([-1, -1, 3, 3, 9, 7, -1])
})

test('each directory is looked at once, however deep the tree is', () => {
  let lookUps = 0
  class Counting extends Map<string, number> {
    override get(path: string) {
      lookUps++
      return super.get(path)
    }
  }
  const above = largestAbove(new Counting([['d', 1]]))
  const paths = Array.from({ length: 1500 }, (_, depth) => `d${'/d'.repeat(depth)}`)
  for (const path of [...paths, ...paths]) above(path)
  expect(lookUps).toBeLessThan(paths.length)
})
