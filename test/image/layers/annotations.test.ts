/** Annotations of layers: those of old bytes go, all others stay; those that the bytes prove wrong are named. */
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { provenWrong, stillTrue, withoutWrong } from '../../../image/layers/annotations.ts'
import { OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from '../../../image/media-types.ts'

const OLD = [
  'containerd.io/uncompressed',
  'containerd.io/distribution.source.docker.io',
  'containerd.io/snapshot/stargz/toc.digest',
  'containerd.io/snapshot/overlaybd/blob-digest',
  'containerd.io/snapshot/overlaybd/blob-size',
  'containerd.io/snapshot/nydus-blob',
  'containerd.io/snapshot/nydus-bootstrap',
  'io.containers.estargz.uncompressed-size',
  'io.containers.zstd-chunked.manifest-position',
  'io.github.containers.zstd-chunked.manifest-checksum',
  'io.github.containers.zstd-chunked.tarsplit-position',
  'io.github.containers.compression.zstd',
  'com.amazon.soci.index-digest',
  'com.amazon.soci.span-size',
  'io.goharbor.artifact.v1alpha1.acceleration.driver.name',
]
const KEPT = [
  'org.opencontainers.image.title',
  'org.opencontainers.image.base.digest',
  'com.docker.official-images.bashbrew.arch',
  'containerd.io/uncompressed.by',
  'buildkit/createdat',
  'com.amazon.socially',
]

test.each(OLD)('%s goes', (name) => {
  expect(stillTrue({ [name]: 'x', kept: 'y' })).toEqual({ kept: 'y' })
})

test.each(KEPT)('%s stays', (name) => {
  expect(stillTrue({ [name]: 'x' })).toEqual({ [name]: 'x' })
})

test('what the bytes prove wrong is named, and goes', () => {
  const diffId = digestOf('tar')
  const annotations = {
    'containerd.io/uncompressed': digestOf('another'),
    'io.github.containers.zstd-chunked.manifest-checksum': digestOf('x'),
    kept: 'yes',
  }
  const layer = { mediaType: OCI_LAYER_GZIP, digest: digestOf('blob'), size: 4, annotations }
  expect(provenWrong(layer, diffId)).toEqual(Object.keys(annotations).slice(0, 2))
  expect(withoutWrong(layer, diffId).annotations).toEqual({ kept: 'yes' })
  const right = { ...annotations, 'containerd.io/uncompressed': diffId }
  expect(provenWrong({ ...layer, mediaType: OCI_LAYER_ZSTD, annotations: right }, diffId)).toEqual([])
})
