/** The files of a start, found in an image: by path, by content, by hand. */
import { expect, test } from 'vitest'
import { mergeLayers } from '../../../image/rootfs/merge-layers.ts'
import { findStartup } from '../../../optimizer/plan/find.ts'
import { read } from '../support.ts'

const reg = (path: string, digest?: string) => ({ path, type: 'reg', size: 10, digest })
const entries = [
  reg('a'),
  reg('new/b', 'sha256:b'),
  reg('copy/b', 'sha256:b'),
  { path: 'dir', type: 'dir', size: 0, digest: undefined },
  reg('.hidden/c'),
]
const layers = [{ entries, digestOf: (one: (typeof entries)[number]) => one.digest, storedChunks: () => [] }]
const find = (startup: ReturnType<typeof read>[], globs: { include?: string[]; exclude?: string[] } = {}) =>
  findStartup(startup, mergeLayers([entries]), layers, { include: [], exclude: [], ...globs })

test('a file that was moved is found by its content: the first by path that has it', () => {
  const { found, missing, coverage } = find([
    read('old/b', { digest: 'sha256:b' }),
    read('a'),
    read('gone'),
    read('dir'),
  ])
  expect(found.map(({ path, movedFrom }) => [path, movedFrom])).toEqual([
    ['copy/b', 'old/b'],
    ['a', undefined],
  ])
  expect(missing).toEqual([
    { path: 'gone', reason: 'absent' },
    { path: 'dir', reason: 'no file' },
  ])
  expect(coverage).toBe(0.5)
})

test('included files come after those of the start, hidden ones too, each once', () => {
  const { found } = find([read('a')], { include: ['/a', '**/c'], exclude: ['a'] })
  expect(
    found.map(({ path, isIncluded, isExcluded, file }) => [path, isIncluded, isExcluded, file?.path]),
  ).toEqual([
    ['a', true, true, 'a'],
    ['.hidden/c', true, false, undefined],
  ])
})

test('nothing was asked for: all of it is there', () => {
  expect(find([]).coverage).toBe(1)
})
