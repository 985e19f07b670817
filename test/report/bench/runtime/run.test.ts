/** `headstart run` as a measurement's runtime: the real command on a small image, in Docker and on runc. */
import { expect, test } from 'vitest'
import { runBench } from '../../../../report/bench/run.ts'
import { bytesOf, samplesOf, totalOf } from '../../../../report/bench/summary.ts'
import { until } from '../../../../scripts/support/until.ts'
import { traceArtifact } from '../../../../tracer/trace/artifact.ts'
import { readTrace } from '../../../../tracer/trace/file.ts'
import { attachAt } from '../../../support/artifacts.ts'
import { HEADSTART, sandbox } from '../../../support/headstart.ts'
import { mountsOfOurs } from '../../../support/mounts.ts'
import { benchRequest, smallImages } from '../small-images.ts'

const made = smallImages()
const headstart = [process.execPath, HEADSTART]
const request = benchRequest({ runtime: { name: 'run' }, arms: ['optimized'], headstart })

test.each(['runc', 'docker'] as const)(
  'it is timed from its start, and fetches the start: %s',
  async (engine) => {
    const bench = await runBench(made.images, { ...request, start: { ...request.start, engine } })
    expect(bench.arms.map(({ runtime }) => runtime)).toEqual(['run'])
    const [sample] = samplesOf(bench, 'optimized')
    if (!sample) throw new Error('there is no sample')
    expect(bytesOf(sample)).toBeGreaterThan(400_000)
    expect(bytesOf(sample)).toBeLessThan(made.layerBytes / 2)
    // Node itself has started in this time, before the first request.
    expect(sample.timeline[0]?.[0]).toBeGreaterThan(10)
    expect(totalOf(sample)).toBeGreaterThan(sample.phases.resolve)
    expect(await mountsOfOurs()).toEqual([])
  },
)

test('what is attached to the image is served with its copy, and fetched by', async () => {
  await using place = await sandbox()
  const { optimized } = made.images
  const flags = ['--engine', 'runc', '--ready-log', 'ready to serve', '-o', 'trace.json']
  await place.run(['profile', optimized.reference, ...flags])
  const trace = await readTrace(`${place.folder}/trace.json`)
  const bytes = async () => samplesOf(await runBench(made.images, request), 'optimized').map(bytesOf)[0] ?? 0
  const without = await bytes()
  const [some] = trace.files.filter(({ path }) => path === 'data/wanted')
  if (!some) throw new Error('the start did not read data/wanted')
  // The start doesn't read it: only the profile can be why it is fetched.
  const ranges: typeof some.ranges = [[0, 300_000]]
  const ballast = { ...some, path: 'data/ballast3', order: 0, size: 300_000, ranges }
  const files = [ballast, ...trace.files.map((file) => ({ ...file, order: file.order + 1 }))]
  await attachAt(optimized.reference, traceArtifact({ ...trace, files }, optimized.descriptor, 'start'))
  // A start doesn't wait for a profile that is late, as it may be on a busy machine.
  await until('a start fetches by it', async () => (await bytes()) - without > 250_000)
})

test('what it can’t pass on is refused before anything is prepared', async () => {
  const tooMuch = { ...request, start: { ...request.start, run: { dns: ['127.0.0.1'] } } }
  await expect(runBench(made.images, tooMuch)).rejects.toMatchObject({ code: 'E_OPTION' })
  const exec = { by: 'exec', command: ['true'] } as const
  await expect(
    runBench(made.images, { ...request, start: { ...request.start, ready: exec } }),
  ).rejects.toMatchObject({ code: 'E_RUNTIME' })
})
