/** Config and manifest of the rebuilt image. */
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { configWith, manifestWith, sourceNamedIn, withSubject } from '../../../optimizer/rebuild/manifest.ts'

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
    annotations: { 'org.opencontainers.image.base.digest': 'b' },
  }
  const bytes = Buffer.from(JSON.stringify(raw))
  const layer = { mediaType: 'l', digest: digestOf('l'), size: 2, annotations: { toc: 't' } }
  const config = { digest: digestOf('c'), size: 9 }
  const made = manifestWith(bytes, config, [layer]).bytes
  expect(JSON.parse(made.toString())).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf('c'),
      size: 9,
      extra: true,
    },
    layers: [layer],
    annotations: {
      'org.opencontainers.image.base.digest': 'b',
      'vnd.headstart.source.digest': digestOf(bytes),
    },
  })
  expect(manifestWith(made, config, [layer]).bytes).toEqual(made)
  const again = manifestWith(made, { ...config, digest: digestOf('other') }, [layer]).bytes
  expect(again.toString()).toContain(`"vnd.headstart.source.digest":"${digestOf(bytes)}"`)
})

test('the subject of an artifact is changed where it was the one that is gone', () => {
  const instead = { mediaType: 'm', digest: digestOf('new'), size: 3, annotations: { not: 'kept' } }
  const raw = Buffer.from(JSON.stringify({ a: 1, subject: { digest: digestOf('old'), size: 1 } }))
  expect(withSubject(raw, digestOf('else'), instead)).toBe(raw)
  expect(JSON.parse(withSubject(raw, digestOf('old'), instead).toString())).toEqual({
    a: 1,
    subject: { mediaType: 'm', digest: digestOf('new'), size: 3 },
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

test('a manifest of ours names its source; what says nothing, or something else, names none', () => {
  const source = digestOf('x')
  const named = (annotations: unknown) => sourceNamedIn(Buffer.from(JSON.stringify({ annotations })))
  expect(named({ 'vnd.headstart.source.digest': source, other: 'y' })).toBe(source)
  for (const none of [undefined, null, {}, { 'vnd.headstart.source.digest': 'latest' }, { x: 1 }])
    expect(named(none)).toBeUndefined()
  expect(sourceNamedIn(Buffer.from('{'))).toBeUndefined()
})
