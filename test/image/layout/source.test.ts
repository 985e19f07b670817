/** OCI layouts that are damaged or hostile: each is refused in one line that says what is wrong. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../../image/media-types.ts'
import {
  CONFIG,
  described,
  IMAGE_CONFIG,
  INDEX,
  json,
  LAYER,
  MANIFEST,
  openImage,
  refusal,
} from '../refusal.ts'

let folder: string
let count = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-layout-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** An OCI layout of whatever is given: what is not `blobs` is a file of that name. */
async function layout(files: Record<string, unknown>, blobs: readonly Buffer[] = []): Promise<string> {
  const place = join(folder, `layout-${++count}`)
  await mkdir(join(place, 'blobs/sha256'), { recursive: true })
  const all = { 'oci-layout': { imageLayoutVersion: '1.0.0' }, ...files }
  for (const [name, value] of Object.entries(all))
    if (value !== undefined) await writeFile(join(place, name), json(value))
  for (const blob of blobs) await writeFile(join(place, 'blobs/sha256', digestOf(blob).slice(7)), blob)
  return place
}

describe('layouts', () => {
  const layer = gzipSync(Buffer.alloc(1024))
  const config = json({
    ...IMAGE_CONFIG,
    rootfs: { type: 'layers', diff_ids: [digestOf(Buffer.alloc(1024))] },
  })
  const good = json({
    ...MANIFEST,
    config: described(config, CONFIG.mediaType),
    layers: [described(layer, LAYER.mediaType)],
  })
  const indexOf = (...manifests: object[]) => ({ schemaVersion: 2, manifests })
  const whole = indexOf(described(good, OCI_MANIFEST))

  test('the good one is taken', async () => {
    const place = await layout({ 'index.json': whole }, [layer, config, good])
    expect((await openImage(`oci:${place}`)).layers).toHaveLength(1)
  })

  test.each<[string, () => Promise<string>, RegExp]>([
    ['a folder that isn’t there', async () => join(folder, 'none'), /is not an OCI layout/],
    [
      'a folder without a layout',
      () => layout({ 'oci-layout': undefined, 'index.json': whole }),
      /is not an OCI layout/,
    ],
    [
      'a layout of version 2',
      () => layout({ 'oci-layout': { imageLayoutVersion: '2.0.0' }, 'index.json': whole }),
      /layout version "2.0.0"/,
    ],
    ['an index that is no JSON', () => layout({ 'index.json': '{' }), /is not JSON/],
    [
      'an index of another form',
      () => layout({ 'index.json': { schemaVersion: 2, manifests: 1 } }),
      /manifests/,
    ],
    [
      'a descriptor with a path',
      () => layout({ 'index.json': indexOf({ ...LAYER, digest: 'sha256:../../x' }) }),
      /manifests\.0\.digest/,
    ],
    ['an index without images', () => layout({ 'index.json': indexOf() }), /was not found/],
    [
      'two images and no tag',
      () =>
        layout({
          'index.json': indexOf(
            ...[1, 2].map((n) => ({
              ...described(good, OCI_MANIFEST),
              annotations: { 'org.opencontainers.image.ref.name': `v${n}` },
            })),
          ),
        }),
      /holds 2 images; say which/,
    ],
    ['a manifest that is missing', () => layout({ 'index.json': whole }), /no such file|lacks/],
    [
      'a manifest that was changed',
      () =>
        layout({ 'index.json': indexOf({ ...described(good, OCI_MANIFEST), digest: digestOf(layer) }) }, [
          layer,
        ]),
      /bytes; its descriptor says/,
    ],
    ['a config that is missing', () => layout({ 'index.json': whole }, [layer, good]), /lacks the blob/],
    ['a layer that is missing', () => layout({ 'index.json': whole }, [config, good]), /lacks the blob/],
    [
      'a config of a terabyte',
      async () => {
        const bytes = json({ ...MANIFEST, config: { ...CONFIG, size: 1e12 } })
        return layout({ 'index.json': indexOf(described(bytes, OCI_MANIFEST)) }, [bytes])
      },
      /claims 1000000000000 bytes/,
    ],
    [
      'another number of layers than its config',
      async () => {
        const bytes = json({ ...MANIFEST, config: described(config, CONFIG.mediaType), layers: [] })
        return layout({ 'index.json': indexOf(described(bytes, OCI_MANIFEST)) }, [bytes, config])
      },
      /has 0 layers; its config names 1/,
    ],
    [
      'an index inside an index',
      async () => {
        const inner = json({ ...INDEX, manifests: [] })
        const outer = json({
          ...INDEX,
          manifests: [{ ...described(inner, OCI_INDEX), platform: { os: 'linux', architecture: 'amd64' } }],
        })
        return layout({ 'index.json': indexOf(described(outer, OCI_INDEX)) }, [inner, outer])
      },
      /no image for linux/,
    ],
    [
      'a layer whose bytes were changed',
      async () => {
        const place = await layout({ 'index.json': whole }, [layer, config, good])
        await writeFile(join(place, 'blobs/sha256', digestOf(layer).slice(7)), Buffer.alloc(layer.length))
        return place
      },
      /has the digest .*; its descriptor says/,
    ],
    [
      'a layer that grew',
      async () => {
        const place = await layout({ 'index.json': whole }, [layer, config, good])
        await writeFile(join(place, 'blobs/sha256', digestOf(layer).slice(7)), Buffer.concat([layer, layer]))
        return place
      },
      /bytes; its descriptor says/,
    ],
  ])('%s', async (_, make, why) => {
    const place = await make()
    expect(await refusal(() => openImage(`oci:${place}`))).toMatch(why)
  })
})
