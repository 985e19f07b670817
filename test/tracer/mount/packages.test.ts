/** Whose files they are, by the package managers' own lists. */
import { expect, test } from 'vitest'
import { findPackages } from '../../../tracer/mount/packages.ts'

const find = async (
  texts: Record<string, string>,
  files: readonly string[],
  links: { name: string; target: string }[] = [],
) => {
  const found = await findPackages({
    sizes: new Map([...Object.keys(texts), ...files].map((path) => [path, 1])),
    rootLinks: links,
    read: async (path) => texts[path] ?? '',
  })
  return found.map(({ manager, name, files: own }) => [manager, name, ...own])
}

test('dpkg, whose paths go through links at the root', async () => {
  const texts = { 'var/lib/dpkg/info/libc6:amd64.list': '/.\n/lib\n/lib/libc.so\n/usr/bin/ldd\n/gone\n' }
  const links = [{ name: 'lib', target: '/usr/lib/' }]
  expect(await find(texts, ['usr/lib/libc.so', 'usr/bin/ldd'], links)).toEqual([
    ['dpkg', 'libc6', 'usr/lib/libc.so', 'usr/bin/ldd'],
  ])
})

test('pip, whose paths may be quoted and leave its folder', async () => {
  const texts = {
    'usr/lib/python3/site-packages/flask_x-2.0.dist-info/RECORD':
      'flask/app.py,sha256=x,1\n"a ""b"",c.py",,\n../../../bin/flask,,\n',
  }
  const files = [
    'usr/lib/python3/site-packages/flask/app.py',
    'usr/lib/python3/site-packages/a "b",c.py',
    'usr/bin/flask',
  ]
  expect(await find(texts, files)).toEqual([['pip', 'flask_x', ...files]])
})

test('apk, whose files follow their folder', async () => {
  const texts = { 'lib/apk/db/installed': 'P:busybox\nF:bin\nR:sh\nF:\nR:top\n\nP:empty\n' }
  expect(await find(texts, ['bin/sh', 'top'])).toEqual([['apk', 'busybox', 'bin/sh', 'top']])
})

test('npm, of which each folder is a package, within others too', async () => {
  const files = [
    'app/node_modules/a/x.js',
    'app/node_modules/a/node_modules/@s/b/y.js',
    'node_modules/.bin/z',
    'my_node_modules/c/d',
  ]
  expect(await find({}, files)).toEqual([
    ['npm', 'a', 'app/node_modules/a/x.js'],
    ['npm', '@s/b', 'app/node_modules/a/node_modules/@s/b/y.js'],
  ])
})
