/** Config and manifest of the rebuilt image. */
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { configWith, manifestWith } from '../../../optimizer/rebuild/manifest.ts'

test('only the diffIDs of a config change, and big numbers stay what they are', () => {
  const raw = Buffer.from(
    '{ "big": 12345678901234567890, "rootfs": {"type":"layers", "diff_ids" : [ "sha256:0" ]}, "n": 1.0 }',
  )
  const id = digestOf('x')
  expect(configWith(raw, [id]).toString()).toBe(
    `{ "big": 12345678901234567890, "rootfs": {"type":"layers", "diff_ids":["${id}"]}, "n": 1.0 }`,
  )
})

test('a Docker manifest becomes an OCI one; annotations and unknown fields stay', () => {
  const raw = {
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: { mediaType: 'x', digest: 'd', size: 1, extra: true },
    layers: [],
    annotations: { a: 'b' },
  }
  const layer = { mediaType: 'l', digest: digestOf('l'), size: 2, annotations: { toc: 't' } }
  const manifest = JSON.parse(
    manifestWith(Buffer.from(JSON.stringify(raw)), { digest: digestOf('c'), size: 9 }, [
      layer,
    ]).bytes.toString(),
  )
  expect(manifest).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf('c'),
      size: 9,
      extra: true,
    },
    layers: [layer],
    annotations: { a: 'b' },
  })
})

test('a key of that name elsewhere is not taken for the diffIDs, which are written with an escape', () => {
  const id = digestOf('x')
  const raw = Buffer.from(`{"x":{"diff_ids":[]},"rootfs":{"type":"layers","diff_\\u0069ds":["sha256:0"]}}`)
  expect(JSON.parse(configWith(raw, [id]).toString())).toEqual({
    x: { diff_ids: [] },
    rootfs: { type: 'layers', diff_ids: [id] },
  })
})
