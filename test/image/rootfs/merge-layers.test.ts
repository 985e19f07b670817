/** Which layer owns a path, on small trees told in words: `dir/`, `file`, `a=b` for a hardlink a to b. */
import { expect, test } from 'vitest'
import { type LayerEntry, mergeLayers } from '../../../image/rootfs/merge-layers.ts'

function entry(text: string): LayerEntry {
  const [path = '', linkPath] = text.split('=')
  if (linkPath !== undefined) return { path, type: 'hardlink', linkPath }
  return text.endsWith('/') ? { path: path.slice(0, -1), type: 'dir' } : { path, type: 'reg' }
}

/** `path@layer` of each visible path, sorted; implied directories as `path/@layer?`. */
function owners(...layers: string[]): string[] {
  const { entries, implied } = mergeLayers(layers.map((layer) => layer.split(' ').filter(Boolean).map(entry)))
  return [
    ...[...entries].map(([path, { layer, entry }]) => `${path}${entry.type === 'dir' ? '/' : ''}@${layer}`),
    ...[...implied].map(([path, layer]) => `${path}/@${layer}?`),
  ].sort()
}

test.each([
  ['the topmost layer owns a path', ['a b', 'a'], 'a@1 b@0'],
  ['a directory that comes again keeps its children', ['d/ d/x', 'd/ d/y'], 'd/@1 d/x@0 d/y@1'],
  ['a whiteout hides a file', ['d/ d/x d/y', 'd/.wh.x'], 'd/@0 d/y@0'],
  ['a whiteout hides a whole directory', ['d/ d/e/ d/e/x', 'd/.wh.e'], 'd/@0'],
  ['a whiteout spares its own layer, whatever the order', ['x', 'x .wh.x'], 'x@1'],
  ['whiteout and new directory: nothing shines through', ['d/ d/x', '.wh.d d/ d/y'], 'd/@1 d/y@1'],
  ['an opaque directory hides what lower layers had', ['d/ d/x', 'd/ d/y d/.wh..wh..opq'], 'd/@1 d/y@1'],
  [
    'an opaque ancestor hides far below',
    ['a/ a/b/ a/b/x', 'a/ a/.wh..wh..opq a/b/ a/b/y'],
    'a/@1 a/b/@1 a/b/y@1',
  ],
  ['an opaque root', ['a b/ b/c', '.wh..wh..opq z'], 'z@1'],
  ['a file over a directory hides the tree', ['d/ d/x d/e/ d/e/y', 'd'], 'd@1'],
  ['and a directory over that file is empty', ['d/ d/x', 'd', 'd/'], 'd/@2'],
  ['a child over a file makes a directory', ['d', 'd/x'], 'd/@1? d/x@1'],
  ['missing parents are implied', ['a/b/c'], 'a/@0? a/b/@0? a/b/c@0'],
  ['an implied parent keeps the lower entry', ['a/', 'a/b'], 'a/@0 a/b@1'],
  ['a late entry for an implied parent', ['a/b a/'], 'a/@0 a/b@0'],
  [
    'a whiteout’s own folder outlives an opaque marker above',
    ['c/ c/x', 'c/ c/a/.wh.y c/.wh..wh..opq'],
    'c/@1 c/a/@1?',
  ],
  ['a whiteout of what isn’t there', ['a', '.wh.b'], 'a@0'],
  ['private names of aufs are nobody’s', ['a .wh..wh.plnk/ .wh..wh.aufs'], 'a@0'],
  ['a duplicate: the last wins, directory or not', ['d/ d/x d'], 'd@0'],
  ['a file in the place of a directory, then again a directory', ['d/ d/x d d/y'], 'd/@0? d/y@0'],
  ['a path back from the dead', ['x', '.wh.x', 'x'], 'x@2'],
])('%s', (_, layers, expected) => {
  expect(owners(...layers)).toEqual(expected.split(' ').sort())
})

function contentOf(path: string, ...layers: string[]): string {
  const tree = mergeLayers(layers.map((layer) => layer.split(' ').map(entry)))
  const content = tree.entries.get(path)?.content
  return content ? `${content.entry.path}@${content.layer}` : 'nothing'
}

test.each([
  ['a hardlink in its own layer', 'h', ['f h=f'], 'f@0'],
  ['a chain of hardlinks', 'i', ['f h=f i=h'], 'f@0'],
  ['a hardlink to a lower layer', 'h', ['f', 'h=f'], 'f@0'],
  ['its target replaced later: the old inode stays', 'h', ['f', 'h=f', 'f'], 'f@0'],
  ['its target hidden in the same layer', 'h', ['f', '.wh.f h=f'], 'f@0'],
  ['a target that comes after its link', 'h', ['h=f f'], 'f@0'],
  ['the copy of its own layer is nearer', 'h', ['f', 'f h=f'], 'f@1'],
  ['a target with a leading ./ or /', 'h', ['d/f h=./d/f'], 'd/f@0'],
  ['a target that is nowhere', 'h', ['a', 'h=f'], 'nothing'],
])('content of %s', (_, path, layers, expected) => {
  expect(contentOf(path, ...layers)).toBe(expected)
})

test('a tree as deep as a hostile layer can make it needs no call stack', () => {
  const path = Array.from({ length: 50_000 }, () => 'd').join('/')
  expect(mergeLayers([[{ path, type: 'reg' }]]).entries.get(path)?.layer).toBe(0)
})

test.each(['.wh.', '.wh..', '.wh...', 'a/.wh..', 'a/.wh...'])(
  'a whiteout that names its folder, or the one above, is refused: %s',
  (path) => {
    expect(() => mergeLayers([[entry('a/'), entry('x')], [entry(path)]])).toThrow(
      /does not name anything to hide/,
    )
  },
)
