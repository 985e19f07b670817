/**
 * Each format with who reads it whole: Docker, and umoci by way of skopeo, our own lazy mount, and podman, which pulls zstd:chunked in pieces. (The stargz
 * snapshotter is in snapshotter.test.ts, containers/storage in partial.test.ts.)
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FORMAT_NAMES, FORMATS, type FormatName } from '../../image/estargz/format/formats.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import { rebuildImage } from '../../optimizer/rebuild/image.ts'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { runCommand } from '../../system/process/command.ts'
import { lazyTree } from '../../tracer/mount/lazy/tree.ts'
import { mountFileSystem } from '../../tracer/mount/mount.ts'
import { busyboxRoot, writeImage } from '../support/images.ts'
import { dir, file, symlink } from '../support/tar.ts'
import { type TempFolder, tempFolder } from '../support/temp.ts'
import { podmanRoot, withPodman } from './makers/buildah.ts'

const DATA = randomBytes(3_000_000)
let temp: TempFolder
let registry: TestRegistry
let original: string
/** What the original prints, and what is in it. */
let started: string
let unpacked: readonly string[]

beforeAll(async () => {
  temp = await tempFolder()
  registry = await startRegistry()
  const srv = [dir('srv/'), file('srv/data', DATA), symlink('srv/link', 'data'), file('srv/empty')]
  original = await writeImage(await temp.sub('original'), {
    layers: [await busyboxRoot(), srv],
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh', '-c', 'md5sum /srv/link'] },
  })
  started = await startedByDocker(original, 'original')
  unpacked = await unpackedByUmoci(original, 'original')
})

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await temp[Symbol.asyncDispose]()
})

async function push(
  name: string,
  { image = original, ...options }: { image?: string; format: FormatName; keepDiffId: boolean },
  startup: string,
) {
  const reference = `${registry.host}/${name}`
  await using source = await openSource(image)
  await using target = await openTarget(`docker://${reference}`)
  await rebuildImage({
    image: await source.image(),
    target,
    options: { ...options, threads: 1 },
    startup: [{ path: startup, ranges: [], size: 0, afterReady: false, read: true }],
  })
  return reference
}

const skopeo = (...args: readonly string[]) =>
  runCommand('skopeo', ['copy', '-q', '--src-tls-verify=false', ...args])

/** What there is, but for landmarks and tables of contents. */
const listing = (folder: string): string[] =>
  execFileSync(
    'sh',
    ['-c', "find . -mindepth 1 -printf '%P %y %m %U:%G %s %l\\n'; find . -type f -exec md5sum {} +"],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  )
    .split('\n')
    .filter((line) => !/\.prefetch\.landmark|stargz\.index\.json/.test(line))
    .map((line) => line.replace(/^(\S+ d \S+ \S+) \d+/, '$1'))
    .sort()

async function unpackedByUmoci(source: string, name: string): Promise<string[]> {
  const layout = join(temp.path, `umoci-${name}`)
  await skopeo(source, `oci:${layout}:x`)
  await runCommand('umoci', ['unpack', '--image', `${layout}:x`, join(layout, 'bundle')])
  return listing(join(layout, 'bundle/rootfs'))
}

async function startedByDocker(source: string, name: string): Promise<string> {
  const tag = `hs-formats-${process.pid}:${name}`
  await skopeo(source, `docker-daemon:${tag}`)
  try {
    return await runCommand('docker', ['run', '--rm', '--network', 'none', tag])
  } finally {
    await runCommand('docker', ['rmi', '-f', tag])
  }
}

async function readLazily(reference: string, name: string): Promise<Buffer> {
  const place = await temp.sub(`lazy-${name}`)
  const [mountPoint, cacheFolder] = [join(place, 'mount'), join(place, 'cache')]
  for (const folder of [mountPoint, cacheFolder]) await mkdir(folder)
  const tree = {
    ...lazyTree({ reference, prefetch: 'zone' }),
    cacheFolder,
  }
  await using mount = await mountFileSystem({ mountPoint, tree, record: false })
  return await readFile(join(mount.folder, 'srv/link'))
}

/** Those for podman are below. */
const kinds = FORMAT_NAMES.filter((format) => format !== 'zstd:chunked+podman').flatMap((format) =>
  (FORMATS[format].tocPlace === 'in-tar' ? [false] : [false, true]).map((keep) => ({ format, keep })),
)

describe.each(kinds)('$format, diffIDs kept: $keep', ({ format, keep }) => {
  test('every reader unpacks the same files from it', async () => {
    const name = `${format.replace(/\W/g, '-')}-${keep}`
    const reference = await push(`app:${name}`, { format, keepDiffId: keep }, 'bin/busybox')
    const source = `docker://${reference}`
    // Docker 20.10 and umoci 0.4, Debian 12's, know no zstd.
    if (FORMATS[format].codec === 'gzip') {
      expect(await startedByDocker(source, name)).toBe(started)
      expect(await unpackedByUmoci(source, name)).toEqual(unpacked)
    }
    expect((await readLazily(source, name)).equals(DATA)).toBe(true)
  })
})

interface Meter extends AsyncDisposable {
  readonly host: string
  /** bytes of blobs so far */
  blobBytes(): number
}

/** A registry's door that counts. */
async function startMeter(upstream: string): Promise<Meter> {
  let bytes = 0
  const server = createServer((incoming, response) => {
    const { method, url = '', headers } = incoming
    const outgoing = request(`http://${upstream}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      if (url.includes('/blobs/')) answer.on('data', (chunk: Buffer) => (bytes += chunk.length))
      answer.pipe(response)
    })
    incoming.pipe(outgoing)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    host: `127.0.0.1:${address.port}`,
    blobBytes: () => bytes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

describe.each([false, true])('podman, diffIDs kept: %s', (keep) => {
  test('pulls zstd:chunked in pieces: of the next version only what it lacks', async () => {
    await using meter = await startMeter(registry.host)
    const tag = (version: string) => `pod:${version}-${keep}`
    const options = { format: 'zstd:chunked+podman', keepDiffId: keep } as const
    await push(tag('v1'), options, 'bin/busybox')
    await push(tag('v2'), { ...options, image: await nextVersion() }, 'srv/data')
    const store = await temp.sub(`podman-${keep}`)
    await writeFile(
      join(store, 'storage.conf'),
      `[storage]\ndriver = "overlay"\ngraphroot = "${store}/graph"\nrunroot = "${store}/run"\n[storage.options.pull_options]\nenable_partial_images = "true"\n`,
    )
    const fetched: number[] = []
    for (const version of ['v1', 'v2']) {
      const before = meter.blobBytes()
      const name = `${meter.host}/${tag(version)}`
      const sum = await withPodman(
        await podmanRoot(),
        store,
        `podman pull -q --tls-verify=false ${name} && md5sum "$(podman image mount ${name})/srv/data"; podman image umount -a`,
      )
      expect(sum).toContain(execFileSync('md5sum', { input: DATA, encoding: 'utf8' }).slice(0, 32))
      fetched.push(meter.blobBytes() - before)
    }
    console.warn(`podman fetched ${fetched} bytes`)
    expect(fetched[0]).toBeGreaterThan(DATA.length)
    expect(fetched[1]).toBeLessThan(0.1 * DATA.length)
  })
})

/** The next version: one more file in the layer with the data. */
async function nextVersion(): Promise<string> {
  const srv = [dir('srv/'), file('srv/note', randomBytes(8).toString('hex')), file('srv/data', DATA)]
  const name = `noted-${randomBytes(4).toString('hex')}`
  return writeImage(await temp.sub(name), {
    layers: [await busyboxRoot(), srv],
    config: { Env: ['PATH=/bin'] },
  })
}
