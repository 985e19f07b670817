/** The runtimes of others, for real: a Docker engine, and containerd with a stargz snapshotter built from Debian's packages. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runBench } from '../../report/bench/run.ts'
import { bytesOf, samplesOf } from '../../report/bench/summary.ts'
import { buildGo } from '../peers/go.ts'
import { benchOptions, makeImages, type SmallImages } from './small-images.ts'

let folder = ''
let images: SmallImages
let snapshotter = ''

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/report-test-')
  images = await makeImages(folder)
  snapshotter = await buildGo(new URL('../peers/stargzd/', import.meta.url).pathname)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const leftOvers = async (): Promise<string[]> =>
  (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .filter((line) => line.includes(`headstart-${process.pid}-`))

const layerBytes = (): number => images.original.layers.reduce((sum, layer) => sum + layer.descriptor.size, 0)

test('docker pulls and runs the full image in an engine of its own; the lazy arm is ours', async () => {
  const base = benchOptions(images)
  const start = {
    ...base.start,
    run: { env: ['WORD=ready'] },
    command: ['/bin/sh', '-c', 'echo $WORD to serve; sleep 60'],
  }
  const bench = await runBench({ ...base, start, runtime: 'docker', arms: ['legacy', 'optimized'] })
  expect(bench.arms.map(({ runtime }) => runtime)).toEqual(['docker', 'builtin'])
  const [legacy] = samplesOf(bench, 'legacy')
  expect(legacy && bytesOf(legacy)).toBeGreaterThan(layerBytes())
  expect(legacy?.phases.prefetch).toBeGreaterThan((layerBytes() * 8) / 60_000 / 2)
  expect(bench.versions.docker).toMatch(/\d/)
  expect(await leftOvers()).toEqual([])
})

test('containerd pulls lazily through the real snapshotter, and its requests are told apart', async () => {
  const base = benchOptions(images)
  const start = { ...base.start, snapshotter, run: { env: ['SECRET=hidden'] } }
  const bench = await runBench({ ...base, start, runtime: 'containerd', watchMs: 300 })
  const [legacy, lazy, optimized] = ['legacy', 'lazy', 'optimized'].map((arm) => samplesOf(bench, arm)[0])
  expect(legacy && bytesOf(legacy)).toBeGreaterThan(layerBytes())
  expect(lazy && bytesOf(lazy)).toBeLessThan(layerBytes())
  expect(lazy?.traffic.prefetch.bytes).toBe(0)
  expect(optimized?.traffic.prefetch.bytes).toBeGreaterThan(400_000)
  expect(optimized?.traffic.tocs.requests).toBeGreaterThan(0)
  expect(optimized?.after.ms).toBeGreaterThan(290)
  expect(bench.versions.containerd).toMatch(/\d/)
  expect(JSON.stringify(bench)).not.toContain('hidden')
  expect(await leftOvers()).toEqual([])
})

test('what is missing, or can’t be done, is said before anything starts', async () => {
  const base = benchOptions(images, { runtime: 'containerd', arms: ['optimized'] })
  const without = { ...base.start, snapshotter: join(folder, 'nothing') }
  await expect(runBench({ ...base, start: without })).rejects.toThrow(
    /runtime containerd can't be used: .*not installed/,
  )
  const privileged = { ...base.start, snapshotter, run: { privileged: true } }
  await expect(runBench({ ...base, start: privileged })).rejects.toThrow(/can't be given privileged/)
})
