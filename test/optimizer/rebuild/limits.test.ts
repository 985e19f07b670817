/** Limits of a rebuild: each that is exceeded is named with both values. */
import { expect, test } from 'vitest'
import type { LayerSummary } from '../../../optimizer/rebuild/layer-summary.ts'
import { checkLimits } from '../../../optimizer/rebuild/limits.ts'

const GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip'
const layer = (before: number, after: number, more: Partial<LayerSummary> = {}): LayerSummary => ({
  source: { mediaType: GZIP, digest: 'sha256:s', size: before },
  result: { mediaType: GZIP, digest: 'sha256:r', size: after },
  how: 'converted',
  entries: 1,
  zoneEntries: 1,
  zoneFiles: 1,
  splitFiles: 0,
  zoneBytes: 30,
  tocBytes: 5,
  existed: false,
  ...more,
})

test('what is within them passes, also right at them', () => {
  checkLimits([layer(1000, 1200), layer(1000, 1000)], { growth: 0.1, prefetchBytes: 70 })
  checkLimits([layer(1000, 9000)], {})
})

test('growth counts all layers together; the prefetch counts zones and tables of contents', () => {
  expect(() =>
    checkLimits([layer(1000, 1200), layer(1000, 1300)], { growth: 0.1, prefetchBytes: 69 }),
  ).toThrow(
    'the layers would grow by 25.0 %, and may grow by 10.0 %; 70 bytes would be fetched before the start, of 69 at most: nothing was replaced',
  )
})

test('a layer of an engine, which is unpacked, has not shrunk by being compressed', () => {
  const source = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: 'sha256:s',
    size: 100_000,
  } as const
  expect(() => checkLimits([layer(0, 500, { source }), layer(1000, 1600)], { growth: 0.3 })).toThrow(
    /grow by 40/,
  )
})
