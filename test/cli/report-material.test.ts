/** Which trace belongs to which measurement. */
import { expect, test } from 'vitest'
import { pairByImage } from '../../cli/report-material.ts'
import { makeMaterial } from '../../scripts/support/material.ts'

const { bench, trace } = makeMaterial({ files: 10 })

const traced = (digest: string, ...diffIds: string[]) => ({
  file: `${digest}.json`,
  trace: { ...trace, image: { ...trace.image, digest, diffIds } },
})

const measured = (digest: string, diffIds?: string[]) => {
  const { original, optimized } = bench.images
  if (!original || !optimized) throw new Error('two images')
  const { diffIds: _, ...old } = original
  const images = {
    original: { ...old, digest, ...(diffIds && { diffIds }) },
    optimized: { ...optimized, digest: `${digest} rebuilt` },
  }
  return { file: `bench-${digest}.json`, bench: { ...bench, images } }
}

const pairs = (...given: Parameters<typeof pairByImage>[0]) =>
  pairByImage(given).map((one) => [one.trace?.image.digest, one.bench?.images.original?.digest])

test('an engine’s trace belongs to the registry’s measurement of the same layers', () => {
  expect(
    pairs(
      traced('engine-web', 'base', 'web'),
      traced('engine-api', 'base', 'api'),
      measured('registry-api', ['base', 'api']),
      measured('registry-web', ['base', 'web']),
    ),
  ).toEqual([
    ['engine-api', 'registry-api'],
    ['engine-web', 'registry-web'],
  ])
})

test('the same digest comes before the same layers', () => {
  expect(
    pairs(traced('other-config', 'a'), traced('same', 'a'), measured('same', ['a']), measured('else', ['a'])),
  ).toEqual([
    ['same', 'same'],
    ['other-config', 'else'],
  ])
})

test('older measurements, which don’t name layers, are paired by digest alone', () => {
  expect(pairs(traced('one', 'a'), traced('two', 'b'), measured('two'), measured('three'))).toEqual([
    ['two', 'two'],
    [undefined, 'three'],
    ['one', undefined],
  ])
})

test('an image without layers is no pair of another without', () => {
  expect(pairs(traced('one'), traced('two', 'b'), measured('three', []), measured('two', []))).toEqual([
    [undefined, 'three'],
    ['two', 'two'],
    ['one', undefined],
  ])
})
