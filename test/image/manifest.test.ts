/** Manifests and indexes of every kind, and hostile ones, each refused in a line. */

import { expect, test } from 'vitest'
import { manifestFacts, parseManifest } from '../../image/manifest.ts'
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from '../../image/media-types.ts'
import { CONFIG, DIGEST, INDEX, json, LAYER, MANIFEST, refusal } from './refusal.ts'

test('an image is told from what is packed like one', () => {
  const of = (config: string, ...layers: string[]) =>
    manifestFacts(
      Buffer.from(
        JSON.stringify({ config: { mediaType: config }, layers: layers.map((mediaType) => ({ mediaType })) }),
      ),
    ).isImage
  expect(of(OCI_CONFIG, OCI_LAYER_GZIP)).toBe(true)
  expect(of(OCI_CONFIG)).toBe(true)
  expect(of(OCI_CONFIG, 'application/vnd.in-toto+json')).toBe(false)
  expect(of('application/vnd.oci.empty.v1+json', OCI_LAYER_GZIP)).toBe(false)
  expect(manifestFacts(Buffer.from('{}'))).toEqual({ isImage: false, subject: undefined })
})

test.each<[string, unknown, string | undefined, RegExp]>([
  ['no JSON', '{', undefined, /is not JSON/],
  ['bytes that are no text', Buffer.from([0xff, 0xfe]).toString('latin1'), undefined, /is not JSON/],
  ['a list', [], undefined, /wrong/],
  ['null', null, undefined, /wrong/],
  ['a number', 7, undefined, /wrong/],
  ['nothing in it', {}, undefined, /wrong: schemaVersion/],
  ['version 1', { schemaVersion: 1 }, undefined, /retired media type/],
  ['version 3', { ...MANIFEST, schemaVersion: 3 }, undefined, /schemaVersion/],
  [
    'an unknown type',
    { ...MANIFEST, mediaType: 'text/html' },
    undefined,
    /"text\/html", which is not an image media type/,
  ],
  ['another type than its descriptor', MANIFEST, DOCKER_MANIFEST, /has the media type .*oci.* says .*docker/],
  [
    'an index that calls itself a manifest',
    { ...INDEX, mediaType: OCI_MANIFEST },
    undefined,
    /wrong: config/,
  ],
  [
    'a manifest that calls itself an index',
    { ...MANIFEST, mediaType: OCI_INDEX },
    undefined,
    /wrong: manifests/,
  ],
  ['both at once', { ...MANIFEST, manifests: [] }, undefined, /both manifests and layers/],
  ['no config', { ...MANIFEST, config: undefined }, undefined, /config/],
  ['no layers', { ...MANIFEST, layers: undefined }, undefined, /layers/],
  ['layers that are no list', { ...MANIFEST, layers: {} }, undefined, /layers/],
  [
    'a config of Helm',
    { ...MANIFEST, config: { ...CONFIG, mediaType: 'application/vnd.cncf.helm.config.v1+json' } },
    undefined,
    /helm/,
  ],
  [
    'a layer of Wasm',
    { ...MANIFEST, layers: [{ ...LAYER, mediaType: 'application/wasm' }] },
    undefined,
    /a layer has the media type "application\/wasm"/,
  ],
  [
    'an encrypted layer',
    { ...MANIFEST, layers: [{ ...LAYER, mediaType: `${LAYER.mediaType}+encrypted` }] },
    undefined,
    /encrypted/,
  ],
  [
    'a type a mile long',
    { ...MANIFEST, layers: [{ ...LAYER, mediaType: 'x'.repeat(100_000) }] },
    undefined,
    /a layer has/,
  ],
  ['a negative size', { ...MANIFEST, layers: [{ ...LAYER, size: -1 }] }, undefined, /layers\.0\.size/],
  ['half a byte', { ...MANIFEST, layers: [{ ...LAYER, size: 0.5 }] }, undefined, /layers\.0\.size/],
  [
    'more bytes than a number holds',
    { ...MANIFEST, layers: [{ ...LAYER, size: 1e300 }] },
    undefined,
    /layers\.0\.size/,
  ],
  ['a size that is text', { ...MANIFEST, layers: [{ ...LAYER, size: '1' }] }, undefined, /layers\.0\.size/],
  [
    'a digest of another kind',
    { ...MANIFEST, layers: [{ ...LAYER, digest: `sha512:${'a'.repeat(128)}` }] },
    undefined,
    /only sha256/,
  ],
  [
    'a digest that is a path',
    { ...MANIFEST, layers: [{ ...LAYER, digest: 'sha256:../../etc/passwd' }] },
    undefined,
    /64 lower-case hex/,
  ],
  [
    'a digest in upper case',
    { ...MANIFEST, layers: [{ ...LAYER, digest: DIGEST.toUpperCase() }] },
    undefined,
    /layers\.0\.digest/,
  ],
  ['a hundred thousand layers', { ...MANIFEST, layers: new Array(100_000).fill(0) }, undefined, /layers/],
  ['annotations that are no text', { ...MANIFEST, annotations: { a: 1 } }, undefined, /annotations/],
  ['more than a manifest may have', ' '.repeat((4 << 20) + 1), undefined, /larger than 4194304 bytes/],
  ['nesting without end', '['.repeat(100_000), undefined, /nested more than 500 levels deep/],
  [
    'nesting that can be read and not written',
    JSON.stringify(MANIFEST).replace('{', `{"x":${'{"\\\\a":'.repeat(10_000)}1${'}'.repeat(10_000)},`),
    undefined,
    /nested more than 500 levels deep/,
  ],
  [
    'its own type a mile long',
    { ...MANIFEST, mediaType: 'x'.repeat(100_000) },
    OCI_MANIFEST,
    /has the media type/,
  ],
  [
    'a key a mile long',
    { ...MANIFEST, annotations: { ['k'.repeat(100_000)]: 1 } },
    undefined,
    /wrong: annotations\.k+….*: Invalid input/,
  ],
])('manifest: %s', async (_, value, mediaType, why) => {
  expect(await refusal(() => parseManifest(json(value), mediaType, 'app'))).toMatch(why)
})

test.each<[string, unknown, string, RegExp]>([
  [
    'a manifest without a digest',
    { ...INDEX, manifests: [{ mediaType: OCI_MANIFEST, size: 1 }] },
    OCI_INDEX,
    /manifests\.0\.digest/,
  ],
  ['manifests that are no list', { ...INDEX, manifests: 'x' }, OCI_INDEX, /manifests/],
  [
    'a list of Docker’s with a platform that is none',
    { schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [{ ...LAYER, platform: 'linux' }] },
    DOCKER_LIST,
    /platform/,
  ],
])('index: %s', async (_, value, type, why) => {
  expect(await refusal(() => parseManifest(json(value), type, 'app'))).toMatch(why)
})
