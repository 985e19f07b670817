/** The runtimes of others, for real: a Docker engine, and containerd with a stargz snapshotter built from Debian's packages. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runBench } from '../../../report/bench/run.ts'
import { ctrFlags } from '../../../report/bench/runtime/ctr-flags.ts'
import { bytesOf, samplesOf } from '../../../report/bench/summary.ts'
import type { RunOptions } from '../../../tracer/container/run-options.ts'
import { buildGo } from '../../peers/go.ts'
import { benchOptions, makeImages, type SmallImages } from './small-images.ts'

let folder = ''
let images: SmallImages
let snapshotter = ''

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/report-test-')
  images = await makeImages(folder)
  snapshotter = await buildGo(new URL('../../peers/stargzd/', import.meta.url).pathname)
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
    // The container's, and not of the client that starts it.
    run: { env: ['WORD=ready', 'PATH=/nowhere', 'DOCKER_CONFIG=/nowhere'] },
    command: ['/bin/sh', '-c', 'echo $WORD to serve; /bin/sleep 60'],
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
  const run: RunOptions = {
    env: ['SECRET=hidden'],
    workingDir: '/data',
    network: 'none',
    binds: [
      { type: 'bind', source: folder, target: '/given', readOnly: true },
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
  const start = { ...base.start, snapshotter, run, command: ['/bin/sh', '-c', checks.join(' && ')] }
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
  const bridged = { ...base.start, snapshotter, run: { network: 'bridge' } }
  await expect(runBench({ ...base, start: bridged })).rejects.toThrow(
    /can't be given --network: .* not bridge/,
  )
})

describe('options of docker run, as ctr knows them', () => {
  const flags = (options: RunOptions, help = '--user') => ctrFlags(options, '/w/env', help).join(' ')

  test('are translated', () => {
    expect(flags({})).toBe('--net-host --allow-new-privs')
    expect(flags({ network: 'none', env: ['A=1'], user: 'app', workingDir: '/srv' })).toBe(
      '--allow-new-privs --env-file /w/env --user app --cwd /srv',
    )
    const bind = { type: 'bind', source: '/a,b', target: '/c', readOnly: true } as const
    const memory = { type: 'tmpfs', source: '', target: '/t', readOnly: false } as const
    expect(flags({ binds: [bind, memory] })).toContain(
      '--mount type=bind,"src=/a,b",dst=/c,options=rbind:ro --mount type=tmpfs,src=tmpfs,dst=/t,options=nosuid',
    )
    expect(flags({ capAdd: ['net_admin', 'CAP_BPF'], privileged: true, memoryBytes: 9, gpus: 2 })).toMatch(
      /--cap-add CAP_NET_ADMIN --cap-add CAP_BPF --privileged --memory-limit 9 --gpus 0 --gpus 1$/,
    )
    expect(flags({ shmBytes: 4096 })).toMatch(/dst=\/dev\/shm,.*size=4096$/)
  })

  test.each<[string, RunOptions, RegExp]>([
    ['ports', { publish: [{ hostIp: '', hostPort: '', containerPort: 80, protocol: 'tcp' }] }, /-p/],
    ['a user, with an old ctr', { user: 'app' }, /-u: this version/],
    ['volumes', { binds: [{ type: 'volume', source: 'data', target: '/d', readOnly: false }] }, /volume/],
    ['networks of an engine', { network: 'web' }, /not web/],
    ['lines in /etc/hosts', { addHosts: ['a:1.2.3.4'] }, /--add-host/],
    ['name servers', { dns: ['1.1.1.1'] }, /--dns/],
    ['a terminal', { tty: true }, /-t/],
    ['standard input', { interactive: true }, /-i/],
    ['all capabilities', { capAdd: ['all'] }, /--privileged/],
    ['all GPUs', { gpus: -1 }, /how many/],
    ['values of several lines', { env: ['A=1\n2'] }, /several lines/],
  ])('are refused with a word where it has none: %s', (_, options, reason) => {
    expect(() => flags(options, '')).toThrow(reason)
  })
})
