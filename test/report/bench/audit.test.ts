/** An audit of a real start: what of the zone was not read, what it lacked, and the better one that follows from it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { refineStartup } from '../../../report/bench/refine.ts'
import { runBench } from '../../../report/bench/run.ts'
import { benchRequest, makeImages } from './small-images.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/report-test-')
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test('an audit finds what of the zone was not read, and what it lacked; refining makes a better one', async () => {
  const poor = await makeImages(folder, ['bin/busybox', 'data/ballast3', 'data/small'])
  const { audit } = await runBench(benchRequest(poor, { arms: ['optimized'], audit: true }))
  expect(audit?.unused.map(([path]) => path)).toEqual(['data/ballast3'])
  expect(audit?.unusedBytes).toBeGreaterThan(290_000)
  const [wanted, ...more] = audit?.onDemand ?? []
  expect(wanted).toMatchObject({ path: 'data/wanted', size: 400_000, ranges: [[0, 400_000]] })
  expect(wanted?.requests).toBeGreaterThan(0)
  expect(wanted?.bytes).toBeGreaterThan(390_000)
  // The engine itself looks up the user there, as every engine does.
  expect(more.map(({ path }) => path)).toEqual(['etc/passwd', 'etc/group'])
  const file = (path: string) => ({ path, ranges: [], size: 1, afterReady: false, read: true })
  const startup = ['bin/busybox', 'data/ballast3', 'data/small'].map(file)
  expect(audit && refineStartup(startup, audit).map(({ path }) => path)).toEqual([
    'bin/busybox',
    'data/small',
    'data/wanted',
    'etc/passwd',
    'etc/group',
  ])
})
