/** What the manifest says of a layer that was written. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { TOC_DIGEST_ANNOTATION } from '../../../image/estargz/format/toc.ts'
import { OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from '../../../image/media-types.ts'
import { blobOf } from '../../../optimizer/rebuild/layer-blob.ts'
import { readBounded } from '../../../system/files/read-bounded.ts'

const stored = Buffer.from('0123456789')
const frame = { offset: 1, size: 2, content: 3 }
const written = {
  digest: digestOf(stored),
  size: stored.length,
  tocDigest: digestOf('toc'),
  uncompressedSize: 1024,
  frames: { toc: frame, tocChecksum: digestOf('stored toc'), tarSplit: { ...frame, offset: 9 } },
  blob: {
    open: (range?: { start: number; end: number }) =>
      Readable.from([stored.subarray(range?.start, range?.end)], { objectMode: false }),
  },
}
const source = {
  mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  digest: digestOf('old'),
  size: 1,
  annotations: {
    'org.example.note': 'kept',
    'containerd.io/uncompressed': 'of the old bytes',
    [TOC_DIGEST_ANNOTATION]: 'old',
  },
}

test('it has its own digest and size, and what is still true of the old one', () => {
  const { descriptor } = blobOf(source, written, 'estargz')
  expect(descriptor).toEqual({
    mediaType: OCI_LAYER_GZIP,
    digest: written.digest,
    size: 10,
    annotations: {
      'org.example.note': 'kept',
      [TOC_DIGEST_ANNOTATION]: written.tocDigest,
      'io.containers.estargz.uncompressed-size': '1024',
    },
  })
})

test('zstd is named as such, and podman finds its frames', () => {
  const { descriptor } = blobOf({ ...source, annotations: undefined }, written, 'zstd:chunked+podman')
  expect(descriptor.mediaType).toBe(OCI_LAYER_ZSTD)
  expect(descriptor.annotations).toEqual({
    'io.github.containers.zstd-chunked.manifest-checksum': written.frames.tocChecksum,
    'io.github.containers.zstd-chunked.manifest-position': '1:2:3:1',
    'io.github.containers.zstd-chunked.tarsplit-position': '9:2:3',
  })
})

test('its bytes are those that were written, whole or in part', async () => {
  const { open } = blobOf(source, written, 'estargz')
  const read = async (range?: { start: number; end: number }) =>
    String(await readBounded(await open(range), 10, 'x'))
  expect([await read(), await read({ start: 2, end: 5 })]).toEqual(['0123456789', '234'])
})
