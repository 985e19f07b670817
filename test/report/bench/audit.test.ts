import { expect, test } from 'vitest'
import { refineStartup } from '../../../report/bench/refine.ts'
import { runBench } from '../../../report/bench/run.ts'
import { startFile } from '../../support/optimized.ts'
import { tempFolder } from '../../support/temp.ts'
import { benchRequest, makeImages } from './small-images.ts'

test('an audit finds what of the zone was not read, and what it lacked; refining makes a better one', async () => {
  await using temp = await tempFolder()
  const poor = await makeImages(temp.path, ['bin/busybox', 'data/ballast3', 'data/small'])
  const { audit } = await runBench(poor, benchRequest({ arms: ['optimized'], audit: true }))
  expect(audit?.unused.map(([path]) => path)).toEqual(['data/ballast3'])
  expect(audit?.unusedBytes).toBeGreaterThan(290_000)
  const [wanted, ...more] = audit?.onDemand ?? []
  expect(wanted).toMatchObject({ path: 'data/wanted', size: 400_000, ranges: [[0, 400_000]] })
  expect(wanted?.requests).toBeGreaterThan(0)
  expect(wanted?.bytes).toBeGreaterThan(390_000)
  // The engine itself looks up the user there, as every engine does.
  expect(more.map(({ path }) => path)).toEqual(['etc/passwd', 'etc/group'])
  const startup = ['bin/busybox', 'data/ballast3', 'data/small'].map(startFile)
  expect(audit && refineStartup(startup, audit).map(({ path }) => path)).toEqual([
    'bin/busybox',
    'data/small',
    'data/wanted',
    'etc/passwd',
    'etc/group',
  ])
})

test('a file of which ranges are ahead is neither unused nor wholly in the zone, and on demand for the rest', async () => {
  await using temp = await tempFolder()
  const images = await makeImages(temp.path, ['bin/busybox', 'data/wanted', 'data/small'], [[0, 64 << 10]])
  const { audit, images: made } = await runBench(images, benchRequest({ arms: ['optimized'], audit: true }))
  expect(made.optimized?.files?.find(([path]) => path === 'data/wanted')?.[4]).toBe(2)
  expect(audit?.unused).toEqual([])
  const wanted = audit?.onDemand.find(({ path }) => path === 'data/wanted')
  expect(wanted?.bytes).toBeGreaterThan(320_000)
  expect(wanted?.bytes).toBeLessThan(350_000)
})
