/** The table of layers as a node meets them, and the sentences below it. */
import { expect, test } from 'vitest'
import { findingText, lazyLayers } from '../../../cli/print/lazy.ts'
import type { LayerFacts } from '../../../image/lazy/examine.ts'

const layer: LayerFacts = {
  digest: `sha256:${'a'.repeat(64)}`,
  mediaType: '',
  size: 2_000_000,
  format: 'estargz',
  annotated: true,
  landmark: 'prefetch',
  zoneBytes: 500_000,
  tocBytes: 3000,
  fault: undefined,
  ranges: { status: 206, isRight: true, redirects: 1, host: 'cdn' },
}

test('a line for each layer', () => {
  const lines = lazyLayers({
    reference: 'docker://web:1',
    transport: 'docker',
    digest: undefined,
    mediaType: undefined,
    layers: [
      layer,
      { ...layer, annotated: false, ranges: { status: 206, isRight: true, redirects: 0, host: 'here' } },
      { ...layer, fault: 'broken', tocBytes: undefined, zoneBytes: undefined, landmark: undefined },
      {
        ...layer,
        format: 'unread',
        tocBytes: undefined,
        zoneBytes: undefined,
        landmark: undefined,
        ranges: { status: 200, isRight: false, redirects: 0, host: 'here' },
      },
    ],
  }).map((line) => line.replaceAll(/ +/g, ' ').trimEnd())
  expect(lines).toEqual([
    'layer size format table of contents landmark zone ranges',
    '1 aaaaaaaaaaaa 2.0 MB eStargz 3.0 kB, as annotated prefetch 500.0 kB 206 after a redirect',
    '2 aaaaaaaaaaaa 2.0 MB eStargz 3.0 kB, not annotated prefetch 500.0 kB 206',
    '3 aaaaaaaaaaaa 2.0 MB eStargz damaged 206 after a redirect',
    '4 aaaaaaaaaaaa 2.0 MB not read 200',
  ])
})

test('whom a sentence is about', () => {
  const about = (layers: readonly number[], count: number) =>
    findingText({ prevents: true, layers, sentence: 'so' }, count)
  expect(about([], 3)).toBe('so')
  expect(about([0], 1)).toBe('its layer: so')
  expect(about([0, 1], 2)).toBe('all layers: so')
  expect(about([1], 3)).toBe('layer 2: so')
  expect(about([0, 2], 3)).toBe('layers 1, 3: so')
})
