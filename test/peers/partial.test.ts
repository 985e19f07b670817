/** What podman and CRI-O pull of our zstd:chunked layers: only what they lack, and what it unpacks to has the diffID that the config names. */

import { beforeAll, expect, test } from 'vitest'
import { openSource } from '../../image/sources.ts'
import { demoImages, MAKING_MS, makeDemoImage } from '../../scripts/demo-image/images.ts'
import { BUILDING_MS } from '../../scripts/support/peers.ts'
import { startRegistry } from '../../scripts/support/registry.ts'
import { optimized, startFile } from '../support/optimized.ts'
import { startPartialStore } from './partial/partial.ts'

beforeAll(() => makeDemoImage('webapp'), MAKING_MS)

const push = (reference: string, zone: readonly string[]) =>
  optimized(demoImages.webapp.image, `docker://${reference}`, {
    startup: zone.map(startFile),
    options: { format: 'zstd:chunked+podman' },
  })

test(
  'containers/storage pulls it partially: the next version of an image costs little more than its tables of contents',
  async () => {
    await using registry = await startRegistry()
    await push(`${registry.host}/demo:1`, ['usr/bin/python3.11'])
    await push(`${registry.host}/demo:2`, ['srv/app/weights.npy'])
    await using store = await startPartialStore()
    const fetched: number[] = []
    const sizes: number[] = []
    for (const tag of ['1', '2']) {
      await using source = await openSource(`docker://${registry.host}/demo:${tag}`)
      const image = await source.image()
      const pulled = await store.pull(image, `${registry.url}/v2/demo/blobs`)
      for (const [index, { diffId }] of pulled.entries())
        if (diffId !== '') expect(diffId).toBe(image.layers[index]?.diffId)
      fetched.push(pulled.reduce((sum, layer) => sum + layer.fetched, 0))
      sizes.push(image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0))
    }
    console.warn(`fetched ${fetched} bytes of ${sizes}`)
    expect(fetched[0]).toBeGreaterThan(0.9 * (sizes[0] ?? 0))
    expect(fetched[1]).toBeLessThan(0.05 * (sizes[1] ?? 0))
  },
  BUILDING_MS,
)
