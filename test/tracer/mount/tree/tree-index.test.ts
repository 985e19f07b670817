/** Trees on disk, read into memory: however deep they are, and whatever bytes their names have. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCommand } from '../../../../system/process/command.ts'
import { indexTree, pathOf } from '../../../../tracer/mount/tree/tree-index.ts'
import { tempFolder } from '../../../support/temp.ts'

const DEPTH = 3000

/** Deeper than a path can say: only names below an open folder reach the end. */
const MAKE_DEEP = `
import os
for depth in range(${DEPTH}):
    os.mkdir("d")
    os.chdir("d")
    if depth % 500 == 499:
        open(b"caf\\xe9 -", "w").close()
        os.setxattr(b"caf\\xe9 -", "user.depth", str(depth).encode())
        os.symlink("where", "link")
os.setxattr(".", "user.end", b"here")
`

test('folders within each other, more than a path can name: all are found, with links and attributes', async () => {
  await using temp = await tempFolder()
  const folder = await temp.sub('tree')
  try {
    await runCommand('python3', ['-c', MAKE_DEEP], { cwd: folder })
    const index = await indexTree(folder)
    expect(index.totals.files).toBe(DEPTH / 500)
    const ids = index.nodes.flatMap((node, id) => (node === undefined ? [] : [{ node, id }]))
    expect(ids).toHaveLength(1 + DEPTH + 2 * (DEPTH / 500))
    const attributes = ids.flatMap(({ node, id }) =>
      [...(node.xattrs ?? [])].map(([name, value]) => [
        pathOf(index, id).replace(/^(d\/)+/, ''),
        name,
        Buffer.from(value).toString(),
      ]),
    )
    expect(attributes.sort()).toEqual(
      [
        ...Array.from({ length: DEPTH / 500 }, (_, at) => ['caf\xe9 -', 'user.depth', `${at * 500 + 499}`]),
        ['d', 'user.end', 'here'],
      ].sort(),
    )
    expect(ids.filter(({ node }) => node.target === 'where')).toHaveLength(DEPTH / 500)
    const deepest = Math.max(...ids.map(({ id }) => pathOf(index, id).length))
    expect(deepest).toBe(2 * DEPTH + 'caf? -'.length)
  } finally {
    await runCommand('rm', ['-rf', join(folder, 'd')])
  }
})

test('attributes of the root, and of names that look like an option', async () => {
  await using temp = await tempFolder()
  const make = 'import os; [os.setxattr(p, "user.x", b"y") for p in [".", "-h"]]'
  await runCommand('sh', ['-c', `mkdir ./-h && python3 -c '${make}'`], { cwd: temp.path })
  const { nodes, withoutXattrs } = await indexTree(temp.path)
  expect(withoutXattrs).toBe(false)
  expect(nodes.map((node) => node && [node.name, [...(node.xattrs?.keys() ?? [])]])).toEqual([
    undefined,
    ['', ['user.x']],
    ['-h', ['user.x']],
  ])
})
