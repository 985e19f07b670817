/**
 * Images that others made are input: built by BuildKit, buildah, podman, the format's own library and ctr-remote, each is profiled,
 * optimized, verified, and started, unpacked by Docker and lazily by the stargz snapshotter.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { copyImage } from '../../image/copy.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import { type Containerd, startContainerd } from '../../scripts/support/containerd.ts'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { convertByLibrary } from '../../scripts/support/reference.ts'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { runCommand } from '../../system/process/command.ts'
import { readTrace } from '../../tracer/trace/file.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxRoot, writeImage } from '../support/images.ts'
import { dir, file, type TarItem } from '../support/tar.ts'
import { buildZstdChunked } from './makers/buildah.ts'
import { type BuildKit, SCAN, startBuildKit } from './makers/buildkit.ts'
import { convertWith } from './makers/ctr-remote.ts'
import { buildWithLibrary } from './makers/library.ts'

const DATA = randomBytes(200_000)
const COMMAND = ['/bin/sh', '-c', 'md5sum /srv/data; cat /srv/note']
const CONFIG = { Env: ['PATH=/bin'], Cmd: COMMAND }
const DOCKERFILE = `FROM base
COPY data /srv/data
RUN echo made by others > /srv/note
CMD ${JSON.stringify(COMMAND)}
`

const stack = new AsyncDisposableStack()
let folder: string
let root: readonly TarItem[]
let containerd: Containerd
let registry: TestRegistry
let buildKit: BuildKit | undefined
let scanner: string
let place: Sandbox
let expected: string
let count = 0

const srv = (): TarItem[] => [dir('srv/'), file('srv/data', DATA), file('srv/note', 'made by others\n')]

beforeAll(async () => {
  const newest = peerSets.at(-1) ?? 'debian'
  folder = await mkdtemp('/var/tmp/hs-foreign-')
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  root = await busyboxRoot()
  await writeImage(join(folder, 'base'), { layers: [root], config: CONFIG })
  await mkdir(join(folder, 'files'))
  for (const { name, content } of srv())
    if (content !== undefined) await writeFile(join(folder, 'files', name.slice(4)), content)
  expected = await runCommand('busybox', ['sh', '-c', `cd ${folder}/files; md5sum data; cat note`])
  expected = expected.replace('  data', '  /srv/data')
  registry = stack.use(await startRegistry({ peers: newest }))
  containerd = stack.use(await startContainerd({ peers: newest }))
  place = stack.use(await sandbox())
  if (newest === 'debian') return
  buildKit = stack.use(await startBuildKit(join(folder, 'buildkit')))
  scanner = await pushScanner()
}, BUILDING_MS)

afterAll(() => stack.disposeAsync())

const build = (compression: 'estargz' | 'zstd') => async (): Promise<string> =>
  buildKit
    ? buildKit.build(join(folder, `buildkit-${compression}`), join(folder, 'base'), {
        dockerfile: DOCKERFILE,
        files: { data: DATA },
        compression,
        scanner,
      })
    : expect.fail('no BuildKit')

/** In the test's registry. @returns its reference */
async function pushScanner(): Promise<string> {
  const spec = {
    layers: [root, [file('scan', SCAN)]],
    config: { Entrypoint: ['/bin/sh', '/scan'], Env: ['PATH=/bin'] },
  }
  const reference = `${registry.host}/scanner:1`
  await runCommand('skopeo', [
    ...['copy', '-q', '--dest-tls-verify=false'],
    ...[await writeImage(join(folder, 'scanner'), spec), `docker://${reference}`],
  ])
  return reference
}

const statements = z.object({
  layers: z.array(z.object({ digest: z.string(), annotations: z.record(z.string(), z.string()) })),
})

/** What the index's attestations say of its images: kinds and digests of their statements. */
async function attested(reference: string): Promise<[string, string][]> {
  await using source = await openSource(reference)
  const manifests = (await source.index())?.manifests ?? []
  const all: [string, string][] = []
  for (const descriptor of manifests.filter(({ platform }) => platform?.os === 'unknown')) {
    const { layers } = statements.parse(JSON.parse(await text(await source.blob(descriptor).open())))
    for (const { annotations, digest } of layers)
      all.push([/spdx|provenance/.exec(annotations['in-toto.io/predicate-type'] ?? '')?.[0] ?? '', digest])
  }
  return all
}

const convert = (format: 'estargz' | 'zstdchunked') => async () => {
  const at = join(folder, `plain-${format}`)
  return convertWith(containerd, await writeImage(at, { layers: [root, srv()], config: CONFIG }), {
    format,
    folder,
  })
}

/** nerdctl itself can't be had; its `image convert` does no more than this. */
const convertNewest = (options: readonly string[]) => async () => {
  const name = `converted${options.join('')}`
  const original = await writeImage(join(folder, `plain-${name}`), { layers: [root, srv()], config: CONFIG })
  await convertByLibrary(original, join(folder, name), options)
  return `oci:${join(folder, name)}:latest`
}

interface Maker {
  readonly name: string
  /** a start reads it without unpacking */
  readonly isLazy?: boolean
  /** of layers without a table of contents: there is nothing to verify */
  readonly isPlain?: boolean
  /** of several platforms, and their attestations */
  readonly isIndex?: boolean
  make(): Promise<string>
}

const makers: readonly Maker[] = [
  ...(peerSets.includes('newest')
    ? [
        { name: 'BuildKit, compression=estargz', isLazy: true, isIndex: true, make: build('estargz') },
        { name: 'BuildKit, compression=zstd', isPlain: true, isIndex: true, make: build('zstd') },
      ]
    : []),
  ...(['buildah', 'podman'] as const).map((client) => ({
    name: `${client}, zstd:chunked`,
    make: () => buildZstdChunked(folder, JSON.stringify(COMMAND), client),
  })),
  ...peerSets.map((set) => ({
    name: `estargz.Build, ${set}`,
    isLazy: true,
    make: () =>
      buildWithLibrary(join(folder, `library-${set}`), { layers: [root, srv()], config: CONFIG }, set),
  })),
  ...(peerSets.includes('newest')
    ? [
        { name: "nerdctl's converter, --estargz", isLazy: true, make: convertNewest([]) },
        { name: "nerdctl's converter, --zstdchunked", make: convertNewest(['--zstdchunked']) },
      ]
    : []),
  { name: 'ctr-remote images convert --estargz', isLazy: true, make: convert('estargz') },
  { name: 'ctr-remote images convert --zstdchunked', make: convert('zstdchunked') },
]

async function headstart(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await place.run(args)
  expect(status, stderr).toBe(0)
  return stdout + stderr
}

/** A start under runc. @returns the files that it read, whole or in part */
async function filesRead(reference: string): Promise<string[]> {
  const trace = join(place.folder, 'trace.json')
  await headstart('profile', reference, '--engine', 'runc', '--ready-exit', '-o', trace)
  return (await readTrace(trace)).files
    .filter(({ ranges }) => ranges.length > 0)
    .map(({ path }) => path)
    .sort()
}

async function startedByDocker(reference: string): Promise<string> {
  const name = `hs-foreign-${process.pid}:${++count}`
  await runCommand('skopeo', ['copy', '-q', reference, `docker-daemon:${name}`])
  try {
    return await runCommand('docker', ['run', '--rm', '--network', 'none', name])
  } finally {
    await runCommand('docker', ['rmi', '-f', name])
  }
}

/** Pulled without falling back to unpacking: every layer is a FUSE mount. */
async function startedLazily(reference: string, layers: number): Promise<string> {
  const remote = `${registry.host}/made:${++count}`
  await using source = await openSource(reference)
  await using target = await openTarget(`docker://${remote}`)
  await target.prepare({ force: false })
  await copyImage(await source.image(), target)
  const mounted = async () =>
    (await readFile('/proc/self/mountinfo', 'utf8'))
      .split('\n')
      .filter((line) => line.includes(containerd.folder) && line.includes('fuse')).length
  await containerd.ctr('images', 'rpull', '--plain-http', '--snapshotter', 'stargz', remote)
  expect(await mounted()).toBe(layers)
  const output = await containerd.ctr('run', '--rm', '--snapshotter', 'stargz', remote, `made-${count}`)
  // The next image may have the same layers: it is to mount them itself.
  await containerd.ctr('images', 'rm', '--sync', remote)
  return output
}

const layersOf = async (reference: string) => {
  await using source = await openSource(reference)
  return (await source.image()).manifest.layers
}

/** Every attestation is with an image of its index, and says which one it was made for. */
async function expectLinked(original: string, optimized: string): Promise<void> {
  const entriesOf = async (reference: string) => {
    await using source = await openSource(reference)
    const { manifests = [] } = (await source.index()) ?? {}
    const proofs = manifests.filter(({ annotations }) => annotations?.['vnd.docker.reference.digest'])
    return { proofs, digests: manifests.map(({ digest }) => digest).map(String) }
  }
  const [before, after] = [await entriesOf(original), await entriesOf(optimized)]
  const made = await attested(original)
  expect(made.map(([kind]) => kind).sort()).toEqual(['provenance', 'provenance', 'spdx', 'spdx'])
  // Their manifests name the new images as their subjects.
  expect(await attested(optimized)).toEqual(made)
  expect(after.proofs.length).toBe(2)
  for (const { annotations = {} } of after.proofs) {
    expect(after.digests).toContain(annotations['vnd.docker.reference.digest'])
    expect(before.digests).toContain(annotations['vnd.headstart.reference.source'])
  }
}

test.each(makers)(
  '$name: profiled, optimized, verified, started',
  async ({ isLazy, isPlain, isIndex, make }) => {
    const original = await make()
    if (!isPlain) expect(await headstart('verify', original)).toMatch(/^\S+ is sound: /m)
    const read = await filesRead(original)
    expect(read).toEqual(expect.arrayContaining(['bin/busybox', 'srv/data', 'srv/note']))
    const optimized = `oci:${join(folder, `optimized-${++count}`)}:v1`
    const trace = ['--trace', join(place.folder, 'trace.json')]
    const said = await headstart(
      'optimize',
      original,
      optimized,
      ...trace,
      ...(isIndex ? ['--all-platforms'] : []),
    )
    expect(said).toMatch(isLazy ? /^1 reordered/m : /^1 converted/m)
    if (isIndex) await expectLinked(original, optimized)
    await headstart('verify', optimized)
    const layers = await layersOf(optimized)
    expect(JSON.stringify(layers), 'nothing that was said of the old bytes').not.toMatch(/zstd/)
    expect(await filesRead(optimized)).toEqual(read)
    expect(await startedByDocker(optimized)).toBe(expected)
    expect(await startedLazily(optimized, layers.length)).toBe(expected)
    expect(await place.leftovers()).toEqual([])
  },
  BUILDING_MS,
)
