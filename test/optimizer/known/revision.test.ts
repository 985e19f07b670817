/**
 * What is remembered is named by the version of headstart and by REVISION. Where a change alters the bytes that are written, this fails: raise REVISION, so
 * that nobody is given layers as they used to be, and put the new digests here.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import type { Digest } from '../../../image/types.ts'
import { REVISION } from '../../../optimizer/known/known-layers.ts'
import type { OptimizeOptions } from '../../../optimizer/options.ts'
import { writeImage } from '../../support/images.ts'
import { optimized } from '../../support/optimized.ts'
import { dir, file, symlink } from '../../support/tar.ts'
import { tempFolder } from '../../support/temp.ts'
import { read } from '../support.ts'

/** Half of it compresses; the same on every machine. */
function content(bytes: number, seed: string): Buffer {
  const pieces: Buffer[] = []
  for (let size = 0; size < bytes; size += 64) {
    const hash = createHash('sha256').update(`${seed} ${size}`).digest()
    pieces.push(hash, Buffer.from('what programs have in common is '))
  }
  return Buffer.concat(pieces).subarray(0, bytes)
}

const library = content(3_000_000, 'library')
const layers = [
  [
    dir('lib/'),
    file('lib/c.so', library),
    file('lib/unused', content(50_000, 'unused')),
    symlink('lib/c', 'c.so'),
  ],
  [dir('app/'), file('app/main', content(20_000, 'main')), file('app/empty')],
]
const startup = [
  read('lib/c.so', { ranges: [[0, 4096], [2_000_000, 2_004_096]], size: library.length }), // biome-ignore format: a line
  read('app/main', { ranges: [[0, 20_000]], size: 20_000 }),
]

async function digestsOf(options: Partial<OptimizeOptions>): Promise<Digest[]> {
  await using temp = await tempFolder()
  const image = await writeImage(join(temp.path, 'in'), { layers })
  const place = `oci:${join(temp.path, 'out')}`
  await optimized(image, place, { startup, options })
  return (await (await openSource(place)).image()).layers.map(({ descriptor }) => descriptor.digest)
}

test('the bytes that are written are those of this revision', async () => {
  const written = {
    REVISION,
    plain: await digestsOf({}),
    split: await digestsOf({ split: 'auto' }),
    small: await digestsOf({ chunkSize: 64 << 10, minChunkSize: 32 << 10, level: 1 }),
  }
  expect(written).toEqual({
    REVISION: 1,
    plain: [
      'sha256:0998cbaa4048560512673bf580215f7cd2c067cbd73c3802c33296c241446907',
      'sha256:b9aba788c2f5e54363f2edeccb83590bbc1ccd8ba83acb8187d1b0078b13c97f',
    ],
    split: [
      'sha256:26b358c277d006ab9e2f3763aa5868e6e69bc41237984f4a544765394dae83f3',
      'sha256:b9aba788c2f5e54363f2edeccb83590bbc1ccd8ba83acb8187d1b0078b13c97f',
    ],
    small: [
      'sha256:178bb98a76c6eeff003840c1946d662a425e845c80f251fde6d2dcd3dddc133a',
      'sha256:663355973394e03042fa49e033d0f34df15b56518c4157fee4c09f5fb163ff9a',
    ],
  })
})
