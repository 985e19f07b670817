/** ctr-remote's prefetch list, by its documentation's examples. */
import { expect, test } from 'vitest'
import { importTouched } from '../../../../tracer/trace/exchange/import.ts'
import {
  exportPrefetchList,
  isPrefetchList,
  parsePrefetchList,
} from '../../../../tracer/trace/exchange/prefetch-list.ts'
import { traceFile, traceOf } from '../traces.ts'
import { importing } from './images.ts'

const imported = (text: string, files: readonly string[]) => {
  const context = importing(Object.fromEntries(files.map((path) => [path, 5])))
  const { trace, missing } = importTouched(parsePrefetchList(text, 'list'), context)
  return { paths: trace.files.map(({ path }) => path), missing }
}

test('the documented patterns', () => {
  const list = `# what the start needs
/usr/bin/*
/usr/lib/**/*.so

/var/log/**/app.*.log
  /opt/data/img_[ab].png
/etc/?
bin/sh
`
  const matched = [
    'usr/bin/a',
    'usr/bin/.hidden',
    'usr/lib/b.so',
    'usr/lib/x/y/c.so',
    'var/log/d/app.1.log',
    'opt/data/img_a.png',
    'opt/data/img_b.png',
    'etc/f',
    'bin/sh',
  ]
  const others = ['usr/bin/deep/a', 'usr/lib/b.so.1', 'opt/data/img_c.png', 'etc/fg']
  const { paths, missing } = imported(list, [...others, ...matched])
  expect(paths).toEqual(matched)
  expect(missing).toEqual([])
})

test('only the documented ones: braces, negation and the like are names', () => {
  const { paths } = imported('/a/{b,c}\n/!d*\n', ['a/b', 'a/c', 'a/{b,c}', '!de', 'e'])
  expect(paths).toEqual(['a/{b,c}', '!de'])
})

test('a glob that matches nothing is missing', () => {
  expect(imported('/a\n/none/*\n', ['a']).missing).toEqual(['none/*'])
})

test('names that look like patterns come back as themselves', () => {
  const names = ['usr/bin/[', 'a*b', 'what?', 'x{1}', '#no comment', 'back\\slash', 'plain']
  const files = names.map((path) => traceFile(path))
  const { text, leftOut } = exportPrefetchList(traceOf([...files, traceFile('line\nbreak')]))
  expect(leftOut).toBe(1)
  expect(text.split('\n').slice(0, 2)).toEqual(['/usr/bin/[[]', '/a[*]b'])
  const { paths } = imported(text, [...names, 'usr/bin/x', 'aab', 'whats', 'x1'])
  expect(paths.sort()).toEqual([...names].sort())
})

test('what a list is, and what is none', () => {
  expect(isPrefetchList('\n# comment\n/usr/bin/*\n')).toBe(true)
  expect(isPrefetchList('usr/bin/env')).toBe(true)
  for (const text of ['', '# only comments\n', 'nonsense', '{"path":"/a"}', '<a/>', '\0/'])
    expect(isPrefetchList(text), text).toBe(false)
  expect(isPrefetchList('\n'.repeat(1 << 20))).toBe(false)
})

test('a line that is no path is named', () => {
  expect(() => parsePrefetchList(`/a\n/${'x'.repeat(300)}\n`, 'list')).toThrow(
    /^list, line 2: the name .+ has 300 bytes/,
  )
  expect(() => parsePrefetchList(`/a\n\n${'*'.repeat(5000)}`, 'list')).toThrow(
    /^list, line 3 has 5000 characters/,
  )
  expect(() => parsePrefetchList('/a\n'.repeat(2_000_001), 'list')).toThrow(
    /^list has more than 2000000 lines$/,
  )
  expect(() => parsePrefetchList('/a/*\n'.repeat(1001), 'list')).toThrow(
    /^list, line 1001 is one glob too many: 1000 is the limit$/,
  )
})
