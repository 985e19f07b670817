/** Whole images: rebuilt, then judged by the format's own library, by GNU tar, by skopeo and umoci. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyingStream } from '../../../image/digest.ts'
import { inspectImage } from '../../../image/inspect.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Image } from '../../../image/types.ts'
import { type RebuildSummary, rebuildImage } from '../../../optimizer/rebuild/image.ts'
import { runCommand } from '../../../system/process/command.ts'
import { createWorkspace } from '../../../system/workspace.ts'
import { judge } from '../../peers/oracle/oracle.ts'
import { writeImage } from '../../support/images.ts'
import { device, dir, file, hardlink, opaque, symlink, whiteout } from '../../support/tar.ts'
import { layersOf, optimize, read, type TestFolder, testFolder, treeOf, withImage } from '../support.ts'

const random = (size: number, seed: number): Buffer => {
  const bytes = Buffer.alloc(size)
  let state = seed
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    bytes[at] = (state >> 16) & (at % 3 === 0 ? 0xff : 0x0f)
  }
  return bytes
}

const base = [
  dir('./', { mode: 0o755 }),
  dir('bin/'),
  file('bin/app', random(300_000, 1), { mode: 0o4755 }),
  hardlink('bin/app2', 'bin/app'),
  symlink('bin/link', 'app'),
  dir('lib/', { mode: 0o1777, mtime: new Date(1_400_000_000_000) }),
  file('lib/big.so', random(1_200_000, 2)),
  file('lib/empty'),
  file('lib/xattr', 'x', { pax: { 'SCHILY.xattr.user.test': 'value', mtime: '1500000000.123456789' } }),
  device('lib/null', 1, 3),
  { ...device('lib/loop', 7, 1), type: 'block-device' as const },
  { ...file('lib/pipe'), type: 'fifo' as const },
  file(`lib/${'deep/'.repeat(30)}name`, 'no parents'),
  file('lib/unused', random(50_000, 3), { uid: 1000, gid: 1001, uname: 'web', gname: 'staff' }),
  file('lib/shadowed', 'below'),
]
const upper = [
  dir('lib/'),
  file('lib/shadowed', 'above'),
  file('lib/late', random(5000, 4)),
  whiteout('lib/unused'),
  dir('opt/'),
  opaque('opt'),
  file('opt/na\u00efve \u2713', 'utf8'),
]
const startup = [
  read('bin/link'),
  read('bin/app2', { size: 300_000 }),
  read('lib/shadowed', { size: 5 }),
  read('lib/late', { afterReady: true, size: 5000 }),
  read('lib/empty', { read: false }),
  read(
    'lib/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/name',
  ),
  read('gone/file'),
]

let folder: TestFolder
let original = ''
let optimized = ''
let summary: RebuildSummary

beforeAll(async () => {
  folder = await testFolder()
  original = await writeImage(join(folder.path, 'in'), {
    layers: [base, upper, [file('top', 'never read')]],
    config: { Env: ['A=1'], Labels: { text: '"diff_ids":[]' } },
  })
  optimized = `oci:${join(folder.path, 'out')}:latest`
  summary = await optimize(original, optimized, startup, { chunkSize: 400_000 })
})
afterAll(() => folder[Symbol.asyncDispose]())

describe('a rebuilt image', () => {
  test('is the same in the eyes of the format’s library: every byte, digest and attribute', async () => {
    const [before, after] = [
      await layersOf(original, join(folder.path, 'before')),
      await layersOf(optimized, join(folder.path, 'after')),
    ]
    expect(after).toHaveLength(3)
    for (const [index, layer] of after.entries())
      expect(await judge(layer.blob, layer.tocDigest, before[index]?.tar ?? '')).toBe('')
  })

  test('unpacks to the same tree with GNU tar', async () => {
    const before = await layersOf(original, join(folder.path, 'tree-before'))
    const after = await layersOf(optimized, join(folder.path, 'tree-after'))
    for (const [index, layer] of after.entries())
      expect(await treeOf(layer.tar)).toEqual(await treeOf(before[index]?.tar ?? ''))
  })

  test('is taken by skopeo and umoci, which check digests and diffIDs', async () => {
    await mkdir(join(folder.path, 'copy'))
    await runCommand('skopeo', ['copy', optimized, `oci:${join(folder.path, 'copy')}:latest`])
    await runCommand('umoci', ['unpack', '--image', optimized.slice(4), join(folder.path, 'bundle')])
    const found = await runCommand('find', [join(folder.path, 'bundle/rootfs'), '-printf', '%P %s\n'])
    expect(found).toContain('bin/app 300000')
    expect(found).toContain('lib/shadowed 5')
    expect(found).not.toContain('lib/unused')
  })

  test('has the startup files in the zone, in the layer that owns them, with what they need', async () => {
    expect(summary.layers.map(({ zoneEntries }) => zoneEntries)).toEqual([7, 2, 0])
    const inspected = await withImage(optimized, inspectImage)
    expect(inspected.layers.map(({ estargz }) => estargz)).toMatchObject(
      summary.layers.map(({ zoneFiles, splitFiles }) => ({ zoneFiles, splitFiles })),
    )
    const [first, second, third] = summary.layers
    expect(first?.zoneBytes).toBeGreaterThan(100_000)
    expect(second?.zoneBytes).toBeGreaterThan(0)
    expect(third?.zoneBytes).toBe(0)
    expect(summary.plan.missing).toEqual([{ path: 'gone/file', reason: 'absent' }])
    expect(summary.plan.decisions.map(({ path, placement }) => [path.slice(0, 12), placement])).toEqual([
      ['bin/link', 'zone'],
      ['bin/app2', 'zone'],
      ['lib/shadowed', 'zone'],
      ['lib/late', 'after-zone'],
      ['lib/empty', 'in-place'],
      ['lib/deep/dee', 'zone'],
    ])
  })

  test('keeps config and history, but for the diffIDs', async () => {
    const parse = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString())
    const before = await withImage(original, async (image) => parse(image.rawConfig))
    const after = await withImage(optimized, async (image) => parse(image.rawConfig))
    expect(after).toEqual({ ...before, rootfs: { ...before.rootfs, diff_ids: expect.any(Array) } })
    expect(after.config.Labels.text).toBe('"diff_ids":[]')
  })

  test('is the same with 1, 2 or 8 threads', async () => {
    for (const threads of [1, 8]) {
      const again = await optimize(original, `oci:${join(folder.path, `t${threads}`)}:x`, startup, {
        chunkSize: 400_000,
        threads,
      })
      expect(again.manifest.digest).toBe(summary.manifest.digest)
    }
  })
})

describe('a rebuild that ends early', () => {
  const attempt = async (image: Image, signal?: AbortSignal, onProgress?: () => void) => {
    await using workspace = await createWorkspace(folder.path)
    await using target = await openTarget(`oci:${join(folder.path, 'never')}:x`)
    await target.prepare({ force: false })
    try {
      return await rebuildImage({ image, target, startup, workspace, signal, onProgress })
    } finally {
      expect(await readdir(join(workspace.folder, 'optimize'))).toEqual([])
    }
  }

  test('at an abort gives its reason, and leaves no file', async () => {
    const stop = new AbortController()
    await withImage(original, async (image) => {
      const aborted = attempt(image, stop.signal, () => stop.abort(new Error('Ctrl-C')))
      await expect(aborted).rejects.toThrow('Ctrl-C')
    })
  })

  test('at a layer that is not what its digest says names it, and makes no image appear', async () => {
    await withImage(original, async (image) => {
      const layers = image.layers.map((layer, index) => ({
        ...layer,
        open: async () => {
          const bytes = Buffer.concat(await (await layer.open()).toArray())
          if (index === 1) bytes.writeUInt8(bytes.readUInt8(4) ^ 1, 4) // the time in the gzip header: it unpacks all the same
          return Readable.from([bytes], { objectMode: false }).compose(
            verifyingStream(layer.descriptor, 'the layer'),
          )
        },
      }))
      await expect(attempt({ ...image, layers })).rejects.toMatchObject({ code: 'E_DIGEST' })
    })
    await expect(withImage(`oci:${join(folder.path, 'never')}:x`, async () => {})).rejects.toThrow()
  })

  test.each([
    [{ chunkSize: 100 }, /chunk size is 100; it must be between 4096/],
    [{ level: 13 }, /compression level is 13; it must be between 1 and 12/],
    [{ onlyLayers: [3] }, /layer to rebuild is 3; it must be between 0 and 2/],
  ])('at an option that cannot be: %j', async (options, message) => {
    const bad = optimize(original, `oci:${join(folder.path, 'bad')}:x`, startup, options)
    await expect(bad).rejects.toMatchObject({ code: 'E_OPTION', message: expect.stringMatching(message) })
  })

  test('when fewer of the files are there than asked for', async () => {
    const few = optimize(original, `oci:${join(folder.path, 'few')}:x`, startup, { minCoverage: 0.99 })
    await expect(few).rejects.toMatchObject({
      code: 'E_COVERAGE',
      message: expect.stringContaining('6 of the 7 files'),
    })
  })
})
