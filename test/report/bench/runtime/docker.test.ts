import { expect, test } from 'vitest'
import { runBench } from '../../../../report/bench/run.ts'
import { bytesOf, samplesOf } from '../../../../report/bench/summary.ts'
import { mountsOfOurs } from '../../../support/mounts.ts'
import { benchRequest, smallImages } from '../small-images.ts'

const made = smallImages()

test('docker pulls and runs the full image in an engine started for it; the lazy arm uses the built-in runtime', async () => {
  const base = benchRequest()
  const start = {
    ...base.start,
    // The container's, and not of the client that starts it.
    run: { env: ['WORD=ready', 'PATH=/nowhere', 'DOCKER_CONFIG=/nowhere'] },
    command: ['/bin/sh', '-c', 'echo $WORD to serve; /bin/sleep 60'],
  }
  const bench = await runBench(made.images, {
    ...base,
    start,
    runtime: { name: 'docker' },
    arms: ['legacy', 'optimized'],
  })
  expect(bench.arms.map(({ runtime }) => runtime)).toEqual(['docker', 'builtin'])
  const [legacy] = samplesOf(bench, 'legacy')
  expect(legacy && bytesOf(legacy)).toBeGreaterThan(made.layerBytes)
  expect(legacy?.phases.prefetch).toBeGreaterThan((made.layerBytes * 8) / 60_000 / 2)
  expect(bench.versions.dockerd).toMatch(/\d/)
  expect(await mountsOfOurs()).toEqual([])
})
