/** Layers that are damaged or hostile: unpacking them ends in one line that says what is wrong. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bytesBlob } from '../../../../image/blob.ts'
import { digestOf } from '../../../../image/digest.ts'
import { unpackLayers } from '../../../../image/rootfs/unpack/layers.ts'
import { dir, file, tarOf } from '../../../support/tar.ts'
import { described, LAYER, refusal, withChecksum } from '../../refusal.ts'

let folder: string
let count = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-unpack-'))
})
afterAll(() => rm(folder, { recursive: true }))

test.each<[string, () => Promise<Buffer> | Buffer, RegExp]>([
  ['no tar at all', () => Buffer.from('x'.repeat(2048)), /tar/],
  [
    'gzip cut in the middle',
    async () => gzipSync(await tarOf([file('a', 'x'.repeat(9999))])).subarray(0, 60),
    /can't be decompressed|ends/,
  ],
  [
    'gzip with a wrong sum',
    async () => {
      const bytes = gzipSync(await tarOf([file('a')]))
      bytes[bytes.length - 6] = 1
      return bytes
    },
    /can't be decompressed/,
  ],
  [
    'zstd cut in the middle',
    async () => zstdCompressSync(await tarOf([file('a', 'x'.repeat(9999))])).subarray(0, 40),
    /can't be decompressed|ends|frame/,
  ],
  [
    'a path 100,000 deep',
    async () => tarOf([file('d/'.repeat(100_000))]),
    /the path .* has 199999 bytes; 4095 is/,
  ],
  [
    'a name of 256 bytes',
    async () => tarOf([file(`a/${'n'.repeat(256)}`)]),
    /the name "n.* has 256 bytes; 255 is/,
  ],
  ['a whiteout of its own folder', async () => tarOf([file('.wh..')]), /"\.wh\.\." does not name anything/],
  ['one of the folder above', async () => tarOf([file('.wh...')]), /"\.wh\.\.\." does not name anything/],
  [
    'one further down',
    async () => tarOf([dir('a'), file('a/.wh...')]),
    /"a\/\.wh\.\.\." does not name anything/,
  ],
  ['one of nothing', async () => tarOf([dir('a'), file('a/.wh.')]), /"a\/\.wh\." does not name anything/],
  [
    'a file of eight exabytes',
    async () => {
      const tar = await tarOf([file('a')])
      tar.set([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 124)
      return withChecksum(tar)
    },
    /tar/,
  ],
  [
    'a header whose sum is wrong',
    async () => {
      const tar = await tarOf([file('a')])
      tar[0] = 0x7a
      return tar
    },
    /checksum|tar/,
  ],
  [
    'a size that is no number',
    async () => {
      const tar = await tarOf([file('a')])
      tar.write('zzzzzzzzzzz', 124, 'latin1')
      return withChecksum(tar)
    },
    /size/,
  ],
  [
    'a type nobody knows',
    async () => {
      const tar = await tarOf([file('a')])
      tar.write('!', 156, 'latin1')
      return withChecksum(tar)
    },
    /type/,
  ],
  [
    'a tar inside which it ends',
    async () => (await tarOf([file('a', 'x'.repeat(2000))])).subarray(0, 1500),
    /ends inside/,
  ],
])('layer: %s', async (_, make, why) => {
  const bytes = await make()
  const place = join(folder, `root-${++count}`)
  await mkdir(place)
  const layer = { ...bytesBlob(described(bytes, LAYER.mediaType), bytes), diffId: digestOf('x') }
  expect(await refusal(() => unpackLayers({ layers: [layer] }, place))).toMatch(why)
})
