import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { runBench } from '../../../../report/bench/run.ts'
import { bytesOf, samplesOf } from '../../../../report/bench/summary.ts'
import { buildGo } from '../../../../scripts/support/go.ts'
import type { RunOptions } from '../../../../tracer/container/options/run-options.ts'
import { mountsOfOurs } from '../../../support/mounts.ts'
import { benchRequest, smallImages } from '../small-images.ts'

const made = smallImages()
let snapshotter = ''

beforeAll(async () => {
  snapshotter = await buildGo(new URL('../../../../scripts/support/stargzd/', import.meta.url).pathname)
})

test('containerd pulls lazily through the real snapshotter, and its requests are told apart', async () => {
  const base = benchRequest()
  const run: RunOptions = {
    env: ['SECRET=hidden'],
    workingDir: '/data',
    network: 'none',
    binds: [
      { type: 'bind', source: made.folder, target: '/given', readOnly: true },
      { type: 'tmpfs', source: '', target: '/scratch', readOnly: false },
    ],
    capAdd: ['NET_ADMIN'],
    shmBytes: 1 << 20,
    memoryBytes: 256 << 20,
  }
  // Ready only if every option holds.
  const checks = [
    '[ "$SECRET" = hidden ]',
    '[ "$(ls /sys/class/net)" = lo ]',
    '[ -d /given/original ] && ! touch /given/x',
    'touch /scratch/x',
    'cat wanted small > /dev/null',
    'echo ready to serve',
    'sleep 60',
  ]
  const start = { ...base.start, run, command: ['/bin/sh', '-c', checks.join(' && ')] }
  const bench = await runBench(made.images, {
    ...base,
    start,
    runtime: { name: 'containerd', snapshotter },
    watchMs: 300,
  })
  const [legacy, lazy, optimized] = ['legacy', 'lazy', 'optimized'].map((arm) => samplesOf(bench, arm)[0])
  expect(legacy && bytesOf(legacy)).toBeGreaterThan(made.layerBytes)
  expect(lazy && bytesOf(lazy)).toBeLessThan(made.layerBytes)
  expect(lazy?.traffic.prefetch.bytes).toBe(0)
  expect(optimized?.traffic.prefetch.bytes).toBeGreaterThan(400_000)
  expect(optimized?.traffic.tocs.requests).toBeGreaterThan(0)
  expect(optimized?.after.ms).toBeGreaterThan(290)
  expect(bench.versions.containerd).toMatch(/\d/)
  expect(JSON.stringify(bench)).not.toContain('hidden')
  expect(await mountsOfOurs()).toEqual([])
})

test('a missing program, or an option without a counterpart, is reported before anything starts', async () => {
  const base = benchRequest({
    runtime: { name: 'containerd', snapshotter },
    arms: ['optimized'],
  })
  const missing = { name: 'containerd', snapshotter: join(made.folder, 'nothing') } as const
  await expect(runBench(made.images, { ...base, runtime: missing })).rejects.toThrow(
    /containerd runtime can't be used: .*not installed/,
  )
  const bridged = { ...base.start, run: { network: 'bridge' } }
  await expect(runBench(made.images, { ...base, start: bridged })).rejects.toThrow(
    /does not support --network: .* not bridge/,
  )
})
