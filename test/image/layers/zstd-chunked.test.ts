/** Where podman finds the table of contents of a layer: by the manifest's word, as far as it can be true. */
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { checkZstdChunked, isZstdChunked, zstdChunkedToc } from '../../../image/layers/zstd-chunked.ts'

const digest = digestOf(Buffer.from('toc'))
const layer = (position: string, prefix = 'io.github.containers.zstd-chunked.') => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
  digest,
  size: 1000,
  annotations: { [`${prefix}manifest-checksum`]: digest, [`${prefix}manifest-position`]: position },
})

test.each(['io.github.containers.zstd-chunked.', 'io.containers.zstd-chunked.'])(
  'annotated with %s',
  (prefix) => {
    expect(isZstdChunked(layer('900:50:200:1', prefix))).toBe(true)
    expect(zstdChunkedToc(layer('900:50:200:1', prefix))).toEqual({ start: 900, end: 950, digest })
  },
)

test('a layer without annotations has none', () => {
  const { annotations: _, ...bare } = layer('')
  expect([isZstdChunked(bare), zstdChunkedToc(bare)]).toEqual([false, undefined])
})

test.each(['900:101:200:1', '900:0:0:1', '-1:5:5:1', '900:50', `${'9'.repeat(16)}:1:1:1`])(
  'the position %s is outside of the layer',
  (position) => {
    expect(() => zstdChunkedToc(layer(position))).toThrow(/outside of the layer/)
  },
)

test('the table is the one that the manifest names', async () => {
  const check = (bytes: string) =>
    checkZstdChunked(async () => Buffer.from(bytes), { start: 0, end: 3, digest })
  await check('toc')
  await expect(check('cot')).rejects.toMatchObject({ code: 'E_DIGEST' })
})
