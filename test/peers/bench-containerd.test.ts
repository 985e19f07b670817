/** `bench` against a containerd as people have one: measured twice, killed in the middle, and left as it was found. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FormatName } from '../../image/estargz/format/formats.ts'
import { readBench } from '../../report/bench/file.ts'
import { findContainerd } from '../../report/bench/runtime/find-containerd.ts'
import { bytesOf, samplesOf } from '../../report/bench/summary.ts'
import { type Containerd, programsOf, startContainerd } from '../../scripts/support/containerd.ts'
import { BUILDING_MS, type PeerSet, peerSets } from '../../scripts/support/peers.ts'
import { startRegistry } from '../../scripts/support/registry.ts'
import { HANG_MS } from '../../scripts/support/until.ts'
import { runCommand } from '../../system/process/command.ts'
import { markOf, type Owner, ourselves } from '../../system/process/owner.ts'
import { createWorkspace } from '../../system/workspace.ts'
import { makeImages, type SmallImages } from '../report/bench/small-images.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { optimized, startFile } from '../support/optimized.ts'

let containerd: Containerd
let folder = ''
let images: SmallImages
let place: Sandbox

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/hs-bench-')
  images = await makeImages(folder)
  place = await sandbox()
})

afterAll(async () => {
  await place?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const command = (...more: readonly string[]): string[] => [
  ...['bench', `oci:${folder}/original:latest`, `oci:${folder}/optimized:latest`],
  ...[
    '--runtime',
    'containerd',
    '--ready-log',
    'ready to serve',
    '--link',
    'lan',
    '--warmups',
    '0',
    '--watch',
    '0',
  ],
  ...more,
]

/** All that a measurement could leave in a containerd, its snapshotter and the machine. */
async function heldByContainerd(): Promise<Record<string, string>> {
  const namespaces = await containerd.ctr('namespaces', 'list', '--quiet')
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const each = async (...args: readonly string[]) =>
    (
      await Promise.all(
        namespaces
          .split('\n')
          .filter(Boolean)
          .map((name) => containerd.ctr('-n', name, ...args)),
      )
    ).join('')
  return {
    namespaces,
    content: await each('content', 'list', '--quiet'),
    snapshots: await each('snapshots', '--snapshotter', 'stargz', 'list'),
    unpacked: await each('snapshots', 'list'),
    mounts: mounts.filter((line) => line.includes(containerd.folder)).join('\n'),
  }
}

describe.each(peerSets)('a containerd of the person’s own, %s', (peers) => {
  beforeAll(async () => {
    containerd = await startContainerd({ peers })
  }, BUILDING_MS)

  afterAll(() => containerd?.[Symbol.asyncDispose]())

  test('is used and said, each sample from nothing, and left as it was', async () => {
    const before = await heldByContainerd()
    for (const round of ['first', 'second']) {
      const result = await place.run(
        command(
          '--containerd',
          containerd.address,
          '-n',
          '1',
          '-o',
          `${round}.json`,
          ...['-e', 'WORD=x', '-w', '/data'],
        ),
      )
      expect(result.stderr).toMatch(/measuring with containerd \d\S+ at \S+ with its stargz snapshotter/)
      expect(result.status).toBe(0)
      const bench = await readBench(join(place.folder, `${round}.json`))
      expect(bench.containerd).toContain(containerd.address)
      const whole = bench.images.original?.layers.reduce((sum, { size }) => sum + size, 0)
      const [legacy, lazy, optimized] = ['legacy', 'lazy', 'optimized'].map((arm) => samplesOf(bench, arm)[0])
      // The second time as the first: nothing of it was answered from a cache.
      expect(legacy && bytesOf(legacy)).toBeGreaterThan(whole ?? 0)
      expect(lazy?.traffic.ready.bytes).toBeGreaterThan(400_000)
      expect(optimized?.traffic.prefetch.bytes).toBeGreaterThan(400_000)
    }
    expect(await heldByContainerd()).toEqual(before)
    expect(await place.leftovers()).toEqual([])
  })

  /** A measurement that a signal ends while its first container runs. @returns the namespaces at that moment */
  async function endedBy(signal: NodeJS.Signals): Promise<{ held: string; status: number | null }> {
    let held = ''
    const options = ['-n', '3', '--arms', 'optimized', '--watch', '30s']
    const { status } = await place.run(command('--containerd', containerd.address, ...options), {
      meanwhile: async (child) => {
        const tasks = async () => {
          held = await containerd.ctr('namespaces', 'list', '--quiet')
          const name = /headstart-\S+/.exec(held)?.[0]
          return name === undefined ? '' : containerd.ctr('-n', name, 'tasks', 'list')
        }
        await expect.poll(tasks, { timeout: HANG_MS }).toMatch(/RUNNING/)
        child.kill(signal)
      },
    })
    return { held, status }
  }

  test('is left as it was after a Ctrl-C in the middle', async () => {
    const before = await heldByContainerd()
    const { status } = await endedBy('SIGINT')
    expect(status).toBe(130)
    expect(await heldByContainerd()).toEqual(before)
    expect(await place.leftovers()).toEqual([])
  })

  test('is swept by doctor after a kill -9 in the middle', async () => {
    const before = await heldByContainerd()
    const { held } = await endedBy('SIGKILL')
    expect(held).toMatch(/^headstart-\d+-[0-9a-f]{8}$/m)
    const swept = await place.run(['doctor', '--clean'])
    expect(swept.stdout).toMatch(/removed /)
    expect(await heldByContainerd()).toEqual(before)
    expect(await place.leftovers()).toEqual([])
  })

  test('must hold nothing of the image, which would make a pull free', async () => {
    const [layer] = images.original.layers
    const child = spawn('ctr', ['-n', 'other', 'content', 'ingest', 'theirs'], {
      env: containerd.env,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    await pipeline((await layer?.open()) ?? [], child.stdin)
    await once(child, 'close')
    const digest = layer?.descriptor.digest ?? ''
    await containerd.ctr('-n', 'other', 'content', 'label', digest, 'containerd.io/gc.root=theirs')
    // Left by a run whose process and workspace are gone; by one that may live elsewhere; and one that is merely called like ours.
    const us = await ourselves()
    const label = (owner: Owner) => `headstart.owner=${markOf(owner)}`
    const gone = label({ ...us, pid: 999_999_999 })
    await containerd.ctr('namespaces', 'create', 'headstart-999999999-abcdef01', 'a=b', gone)
    await containerd.ctr('namespaces', 'create', 'headstart-999999999-abcdef02')
    await containerd.ctr('namespaces', 'create', 'headstart-999999999-abcdef03', label(us))
    await containerd.ctr('namespaces', 'create', 'headstart-team')
    const more = ['headstart-999999999-abcdef02', 'headstart-999999999-abcdef03']
    const result = await place.run(command('--containerd', containerd.address, '-n', '1'))
    expect((await containerd.ctr('namespaces', 'list', '--quiet')).split('\n').filter(Boolean)).toEqual([
      ...more,
      'headstart-team',
      'other',
    ])
    expect(result.stderr).toMatch(/namespace other of containerd at .* holds 1 of the \d blobs/)
    expect(result.stderr).toMatch(/--containerd own/)
    await containerd.ctr('-n', 'other', 'content', 'rm', digest)
    await containerd.ctr('namespaces', 'rm', 'other', 'headstart-team', ...more)
    expect(result.status).toBe(1)
    expect(await place.leftovers()).toEqual([])
  })
})

/** The small image in other formats, by the name of its arm. Debian's snapshotter looks for no table of contents outside of a layer. */
async function otherFormats(peers: PeerSet, host: string): Promise<Record<string, string>> {
  const startup = ['bin/busybox', 'data/wanted', 'data/small'].map(startFile)
  const make = async (format: FormatName, to: string) => {
    await optimized(images.original.reference, to, { startup, options: { prioritize: 'all', format } })
    return to
  }
  return {
    zstd: await make('zstd:chunked', `oci:${folder}/zstd-${peers}:v1`),
    ...(peers === 'newest' && { toc: await make('estargz+external-toc', `docker://${host}/toc:v1`) }),
  }
}

test.each(peerSets)(
  'one is started for each sample, from the PATH, with the snapshotter that is named, for all formats: %s',
  async (peers) => {
    const { snapshotter, env } = await programsOf(peers)
    await using registry = await startRegistry()
    const others = await otherFormats(peers, registry.host)
    const result = await place.run(
      command(
        ...['--containerd', 'own', '--snapshotter', snapshotter, '-n', '1', '-o', `own-${peers}.json`],
        ...Object.entries(others).flatMap(([arm, image]) => ['--image', `${arm}=${image}`]),
      ),
      { env: { PATH: env.PATH ?? '' } },
    )
    expect(result.status, result.stderr).toBe(0)
    const bench = await readBench(join(place.folder, `own-${peers}.json`))
    expect(bench.versions).toMatchObject({
      containerd: expect.stringMatching(peers === 'newest' ? /^2\./ : /^1\./),
      'stargz-snapshotter': expect.stringMatching(peers === 'newest' ? /^0\.[1-9]\d/ : /^0\.12\./),
      runc: expect.stringMatching(/^1\./),
    })
    expect(result.stdout).toContain(`, stargz-snapshotter ${bench.versions['stargz-snapshotter']}`)
    expect(bench.samples.map(({ arm }) => arm).sort()).toEqual(
      ['lazy', 'legacy', 'optimized', ...Object.keys(others)].sort(),
    )
    for (const arm of ['optimized', ...Object.keys(others)]) {
      const traffic = samplesOf(bench, arm)[0]?.traffic
      expect(traffic?.prefetch.bytes, arm).toBeGreaterThan(400_000)
      expect(traffic?.tocs.bytes, arm).toBeGreaterThan(500)
    }
    expect(await place.leftovers()).toEqual([])
  },
  BUILDING_MS,
)

describe('one that can’t be used says why', () => {
  beforeAll(async () => {
    containerd = await startContainerd()
  })

  afterAll(() => containerd?.[Symbol.asyncDispose]())

  const find = async (address: string) => {
    await using workspace = await createWorkspace(folder)
    await using found = await findContainerd({ containerd: address }, workspace)
    return found.chosen
  }

  test('no socket, no path, nobody behind it', async () => {
    await expect(find('/nowhere.sock')).rejects.toThrow(/there is no socket \/nowhere.sock/)
    await expect(find('tcp://x')).rejects.toThrow(/not the path of a socket/)
    await expect(find(`unix://${folder}`)).rejects.toThrow(/nothing is listening on the socket/)
  })

  test('no permission', async () => {
    const module = new URL('../../report/bench/runtime/find-containerd.ts', import.meta.url).pathname
    const program = `const { findContainerd } = await import(${JSON.stringify(module)})
      await findContainerd({ containerd: ${JSON.stringify(containerd.address)} }).catch((error) => console.log(error.message))`
    const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
    const node = [process.execPath, '--input-type=module', '--eval', program]
    expect(await runCommand('setpriv', [...nobody, ...node])).toMatch(/no permission to use the socket/)
  })

  test('no stargz snapshotter in it, or none behind it', async () => {
    await using plain = await startContainerd({ snapshotter: 'none' })
    await expect(find(plain.address)).rejects.toThrow(/has no stargz snapshotter \(proxy_plugins/)
    await using dead = await startContainerd({ snapshotter: 'dead' })
    await expect(find(dead.address)).rejects.toThrow(
      /stargz snapshotter behind \S+ (is not running|does not respond)/,
    )
  })
})
