/**
 * Who owns a path, against the kernel: random layers are unpacked each into a folder of its own, stacked by overlayfs, and the mount is
 * compared with `mergeLayers`; `unpackLayers` on one folder must make the same tree.
 */
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesBlob } from '../../../image/blob.ts'
import { digestOf } from '../../../image/digest.ts'
import { mergeLayers, OPAQUE_WHITEOUT, whiteoutTarget } from '../../../image/rootfs/merge-layers.ts'
import { unpackLayers } from '../../../image/rootfs/unpack/layers.ts'
import type { TarEntry } from '../../../image/tar/entry.ts'
import { scanTar } from '../../../image/tar/scan.ts'
import { unmountBelow } from '../../../system/mounts.ts'
import { baseOf, parentOf } from '../../../system/text/byte-path.ts'
import { removeFolder } from '../../../system/workspace.ts'
import { dir, file, hardlink, opaque, symlink, type TarItem, tarOf, whiteout } from '../../support/tar.ts'

const NAMES = ['a', 'b', 'c']
const path = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'))

type Step = readonly [
  kind: 'dir' | 'file' | 'symlink' | 'hardlink' | 'whiteout' | 'opaque',
  path: string,
  other: string,
]
const kind = fc.constantFrom(
  'dir',
  'dir',
  'file',
  'file',
  'file',
  'symlink',
  'hardlink',
  'whiteout',
  'opaque' as const,
)
const step: fc.Arbitrary<Step> = fc.tuple(kind, path, path)
const layers = fc.array(fc.array(step, { maxLength: 12 }), { minLength: 1, maxLength: 4 })

/**
 * Steps to a layer as builders write it: no path twice, none below a file of the same layer, hardlinks after their target. A whiteout
 * and an entry of one path are kept apart, since overlayfs has a single name for both.
 */
function layerOf(steps: readonly Step[], index: number): TarItem[] {
  const kinds = new Map<string, string>()
  const items: TarItem[] = []
  const isFree = (at: string) =>
    !kinds.has(at) && [...kinds].every(([used, is]) => !(at.startsWith(`${used}/`) && is !== 'dir'))
  for (const [what, place, other] of steps) {
    // Never the parent of a path: a runtime follows such a symlink, while layers stacked as they are hide it.
    const at = what === 'symlink' || (what === 'whiteout' && other.length === 1) ? `${place}.link` : place
    if (what === 'opaque') {
      if (kinds.get(at) === 'dir') items.push(opaque(at))
      continue
    }
    const hasChildren = [...kinds.keys()].some((used) => used.startsWith(`${at}/`))
    if (!isFree(at) || (what !== 'dir' && hasChildren)) continue
    if (what === 'hardlink' && kinds.get(other) !== 'file') continue
    kinds.set(at, what)
    if (what === 'dir') items.push(dir(at, { mode: 0o700 + index }))
    else if (what === 'file') items.push(file(at, `layer ${index} ${at}`))
    else if (what === 'symlink') items.push(symlink(at, `target-${index}`))
    else if (what === 'hardlink') items.push(hardlink(at, other))
    else items.push(whiteout(at))
  }
  return items
}

/** One layer as overlayfs wants it: whiteouts are devices 0/0, opaque directories carry an attribute. */
function unpackForOverlay(tar: Buffer, entries: readonly TarEntry[], folder: string): void {
  mkdirSync(folder)
  execFileSync('tar', ['-C', folder, '-xpf', '-', '--exclude=.wh.*', '--numeric-owner'], { input: tar })
  for (const entry of entries) {
    const target = whiteoutTarget(entry.path)
    if (target !== undefined) {
      mkdirSync(join(folder, parentOf(target)), { recursive: true })
      execFileSync('mknod', [join(folder, target), 'c', '0', '0'])
    } else if (baseOf(entry.path) === OPAQUE_WHITEOUT)
      execFileSync('setfattr', [
        '-n',
        'trusted.overlay.opaque',
        '-v',
        'y',
        join(folder, parentOf(entry.path)),
      ])
  }
}

/** Overlayfs lists whiteouts of a directory that no other layer has, but finds nothing under their names. */
const tree = (folder: string): string[] =>
  execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P\n'], { cwd: folder, encoding: 'latin1' })
    .split('\n')
    .filter((at) => at !== '' && lstatSync(join(folder, at), { throwIfNoEntry: false }))
    .sort()

/** What tells whose a path is: a file's content, a link's target, a directory's mode. */
function mark(at: string): string {
  const stat = lstatSync(at)
  if (stat.isSymbolicLink()) return readlinkSync(at)
  return stat.isDirectory() ? `mode ${(stat.mode & 0o777).toString(8)}` : readFileSync(at, 'latin1')
}

async function compare(stacked: readonly (readonly Step[])[], base: string): Promise<void> {
  const tars = await Promise.all(stacked.map((steps, index) => tarOf(layerOf(steps, index))))
  const scanned = await Promise.all(
    tars.map(async (tar) => {
      const entries: TarEntry[] = []
      for await (const event of scanTar((async function* () { yield tar })())) // biome-ignore format: one thought
        if (event.kind === 'entry') entries.push(event.entry)
      return entries
    }),
  )
  const folders = tars.map((tar, index) => {
    const folder = join(base, `layer-${index}`)
    unpackForOverlay(tar, scanned[index] ?? [], folder)
    return folder
  })
  for (const name of ['empty', 'merged', 'unpacked']) mkdirSync(join(base, name))
  const merged = join(base, 'merged')
  const lower = [...folders].reverse().concat(join(base, 'empty')).join(':')
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `ro,lowerdir=${lower}`, merged])
  const { entries, implied } = mergeLayers(scanned)
  const paths = tree(merged)
  expect([...entries.keys(), ...implied.keys()].sort()).toEqual(paths)
  const unpacked = join(base, 'unpacked')
  const images = tars.map((tar) => ({
    ...bytesBlob({ mediaType: 'x', digest: digestOf(tar), size: tar.length }, tar),
    diffId: digestOf(tar),
  }))
  await unpackLayers({ layers: images }, unpacked)
  expect(tree(unpacked)).toEqual(paths)
  for (const [at, { layer, entry }] of entries) {
    const [kernel, ours] = [mark(join(merged, at)), mark(join(unpacked, at))]
    // Where an upper layer implies a directory, overlayfs shows the folder that had to be made; a runtime leaves the lower one's mode.
    if (entry.type === 'dir') expect([at, kernel.slice(0, 4), ours]).toEqual([at, 'mode', `mode 70${layer}`])
    else expect([at, ours]).toEqual([at, kernel])
    if (entry.type === 'dir') continue
    if (entry.type === 'symlink') expect(kernel).toBe(`target-${layer}`)
    else expect(kernel).toMatch(new RegExp(`^layer ${layer} `))
  }
}

test('mergeLayers and unpackLayers agree with overlayfs on random layers', async () => {
  await fc.assert(
    fc.asyncProperty(layers, async (stacked) => {
      const base = await mkdtemp('/var/tmp/hs-overlay-')
      try {
        await compare(stacked, base)
      } finally {
        await unmountBelow(base)
        await removeFolder(base)
      }
    }),
    { numRuns: 60 },
  )
})

test.each([
  ['the folder that it is in', 'a'],
  ['the root', ''],
  ['a folder of the layer below', 'below'],
  ['a folder that comes after it', 'late'],
])('a hardlink to %s leads to nothing: the tree would have no end', (_, target) => {
  const layer = [
    { path: '', type: 'dir' },
    { path: 'a', type: 'dir' },
    { path: 'a/link', type: 'hardlink', linkPath: target },
    { path: 'a/again', type: 'hardlink', linkPath: 'a/link' },
    { path: 'late', type: 'dir' },
  ]
  const { entries } = mergeLayers([[{ path: 'below', type: 'dir' }], layer])
  for (const path of ['a/link', 'a/again']) expect(entries.get(path)?.content).toBeUndefined()
  expect(entries.get('a')?.content).toMatchObject({ entry: { path: 'a' } })
})
