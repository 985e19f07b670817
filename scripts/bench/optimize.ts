/**
 * `npm run bench:optimize [-- IMAGE]`: an image converted to eStargz by headstart and by its peers, and reordered by headstart, interleaved in one
 * run. Prints medians of wall time, CPU time, peak memory and bytes, and the ratios to the last of the peers.
 *
 * IMAGE is an OCI layout, `oci:FOLDER:TAG`; by default the web application of scripts/demo-image, which is built if it is missing.
 * Options: --peers debian,newest: Debian's `ctr-remote images convert`, and the newest release's library, which does the same in one process
 * --formats estargz+external-toc,zstd:chunked: what else headstart converts it to
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { z } from 'zod'
import { decompress } from '../../image/compression/decompress.ts'
import { formatPlatform } from '../../image/platform.ts'
import { openSource } from '../../image/sources.ts'
import { scanTar } from '../../image/tar/scan.ts'
import type { Image } from '../../image/types.ts'
import { median } from '../../report/bench/stats.ts'
import { workspaceRoot } from '../../system/workspace.ts'
import { TRACE_VERSION, writeTrace } from '../../tracer/trace/file.ts'
import { makeDemoImage } from '../demo-image/images.ts'
import { type Containerd, startContainerd } from '../support/containerd.ts'
import { type CommandCost, measureCommand, roundsOr, sizesOf } from '../support/measure.ts'
import { type PeerSet, peerSets } from '../support/peers.ts'
import { convertByLibrary } from '../support/reference.ts'
import { startRegistry } from '../support/registry.ts'

const ROUNDS = roundsOr(3)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peers: { type: 'string', default: peerSets.join(',') },
    formats: { type: 'string', default: '' },
  },
})

interface Sample extends CommandCost {
  /** of all layers, compressed */
  readonly bytes: number
}

const run = promisify(execFile)

async function withImage<T>(reference: string, work: (image: Image) => Promise<T>): Promise<T> {
  await using source = await openSource(reference)
  return await work(await source.image())
}

const HEADSTART = new URL('../../cli/headstart.js', import.meta.url).pathname

/** As a user runs it. @param trace selects the prioritized zone */
async function ours(from: string, to: string, trace: string, more: readonly string[] = []): Promise<Sample> {
  const order = ['optimize', from, to, '--trace', trace, '--no-cache', ...more]
  const sample = await measureCommand(process.execPath, [HEADSTART, ...order])
  const { bytes, tocBytes } = await sizesOf(to)
  return { ...sample, bytes: bytes + tocBytes }
}

/** A start that reads these files whole. */
async function traceOf(reference: string, paths: readonly string[], file: string): Promise<string> {
  const image = await withImage(reference, async ({ descriptor, config }) => ({
    reference,
    digest: descriptor.digest,
    platform: formatPlatform(config.platform),
    diffIds: [...config.diffIds],
    bytes: 0,
    files: paths.length,
  }))
  const times = { firstOpenMs: 0, firstReadMs: 0, opens: 1, afterReady: false }
  await writeTrace(file, {
    version: TRACE_VERSION,
    tool: 'bench',
    image,
    run: {
      engine: 'none',
      command: [],
      readaheadKiB: 128,
      startedAt: new Date(0).toISOString(),
      ready: { by: 'exit', ms: 0 },
      durationMs: 0,
      runs: 1,
    },
    lookups: { found: 0, missing: 0, listings: 0 },
    files: paths.map((path, order) => ({ path, type: 'reg', size: 0, order, ...times, ranges: [] })),
  })
  return file
}

/** One process does it all. */
async function byLibrary(image: string, folder: string): Promise<Sample> {
  const cost = await convertByLibrary(image, folder)
  return { ...cost, bytes: (await sizesOf(`oci:${folder}:latest`)).bytes }
}

/** The client converts, the daemon writes: both count. */
async function byDebian(daemon: Containerd, name: string): Promise<Sample> {
  const before = await daemonCpu(daemon)
  const sample = await measureCommand(
    'ctr-remote',
    ['images', 'convert', '--estargz', '--oci', SOURCE, name],
    daemon.env,
  )
  const cpuS = sample.cpuS + (await daemonCpu(daemon)) - before
  return { ...sample, cpuS, bytes: await bytesInContainerd(daemon, name) }
}

const SOURCE = 'bench.local/image:source'
const manifestSchema = z.object({ layers: z.array(z.object({ size: z.number() })) })

async function bytesInContainerd(daemon: Containerd, name: string): Promise<number> {
  const list = await daemon.ctr('images', 'ls', `name==${name}`)
  const digest = /sha256:[0-9a-f]{64}/.exec(list)?.[0] ?? ''
  const manifest = manifestSchema.parse(JSON.parse(await daemon.ctr('content', 'get', digest)))
  return manifest.layers.reduce((sum, { size }) => sum + size, 0)
}

/** Seconds of user and system time that the daemon has used so far. */
async function daemonCpu({ folder }: Containerd): Promise<number> {
  const { stdout } = await run('pgrep', ['-f', `containerd -c ${folder}`])
  const stat = await readFile(`/proc/${stdout.trim().split('\n')[0]}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const demo = async (): Promise<string> => (await makeDemoImage('webapp')).image

function summary(samples: readonly Sample[]): Sample {
  const of = (field: keyof Sample) => median(samples.map((sample) => sample[field]))
  return { wallS: of('wallS'), cpuS: of('cpuS'), peakMiB: of('peakMiB'), bytes: of('bytes') }
}

type Samples = Map<string, Sample[]>

const isPeerSet = (text: string): text is PeerSet => text === 'debian' || text === 'newest'

const PEERS: Readonly<Record<PeerSet, string>> = {
  debian: "Debian's ctr-remote",
  newest: "newest release's library",
}
const [CONVERT, REORDER, REUSE] = ['headstart', '… reordering its own image', '… with nothing to change']

interface Places {
  readonly image: string
  readonly folder: string
  readonly daemon: Containerd
  /** of a registry */
  readonly host: string
  /** files of traces: of a start that reads nothing, and of one that reads a few hundred files */
  readonly nothing: string
  readonly some: string
}

async function takeRound(round: number, samples: Samples, places: Places): Promise<void> {
  const { image, folder, daemon, host, nothing, some } = places
  const add = (name: string, sample: Sample) => samples.set(name, [...(samples.get(name) ?? []), sample])
  const at = (name: string) => `oci:${join(folder, `${name}-${round}`)}:v1`
  for (const peers of values.peers.split(',').filter(isPeerSet))
    add(
      PEERS[peers],
      peers === 'newest'
        ? await byLibrary(image, join(folder, 'library'))
        : await byDebian(daemon, `bench.local/image:out-${round}`),
    )
  const converted = at('ours')
  add(CONVERT, await ours(image, converted, nothing))
  for (const format of values.formats.split(',').filter((each) => each !== ''))
    add(
      `… to ${format}`,
      await ours(image, `docker://${host}/bench:${format.replace(/\W/g, '-')}-${round}`, nothing, [
        '--format',
        format,
      ]),
    )
  add(REORDER, await ours(converted, at('again'), some))
  add(REUSE, await ours(converted, at('same'), nothing))
}

async function bench(): Promise<void> {
  const folder = await mkdtemp(join(workspaceRoot(), 'bench-optimize-'))
  try {
    const image = positionals[0] ?? (await demo())
    await using daemon = await startContainerd()
    await using registry = await startRegistry()
    await run('skopeo', ['copy', '-q', image, `oci-archive:${folder}/image.tar:source`])
    await daemon.ctr('images', 'import', '--base-name', 'bench.local/image', join(folder, 'image.tar'))
    const nothing = await traceOf(image, [], join(folder, 'nothing.json'))
    const some = await traceOf(image, await someFiles(image), join(folder, 'some.json'))
    const samples: Samples = new Map()
    const places = { image, folder, daemon, host: registry.host, nothing, some }
    for (let round = 0; round < ROUNDS; round++) await takeRound(round, samples, places)
    print(samples)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function print(samples: Samples): void {
  const medians = new Map([...samples].map(([name, taken]) => [name, summary(taken)]))
  const reference = [PEERS.newest, PEERS.debian, CONVERT].flatMap((name) => medians.get(name) ?? [])[0]
  const of = (what: number, whole = what) => `(${(what / whole).toFixed(2)})`
  for (const [name, { wallS, cpuS, peakMiB, bytes }] of medians) {
    const cells = [
      `${wallS.toFixed(2)} s wall ${of(wallS, reference?.wallS)}`,
      `${cpuS.toFixed(2)} s CPU ${of(cpuS, reference?.cpuS)}`,
      `${peakMiB.toFixed(0)} MiB`,
      `${(bytes / 1e6).toFixed(2)} MB ${of(bytes, reference?.bytes)}`,
    ]
    console.log(`${name.padEnd(30)}${cells.map((cell) => cell.padStart(22)).join('')}`)
  }
  const reorderS = medians.get(REORDER)?.wallS ?? 1
  const times = (wallS = 0) => (wallS / reorderS).toFixed(1)
  console.log(
    `reordering: ${times(reference?.wallS)} times as fast as the reference converts, ${times(medians.get(CONVERT)?.wallS)} times as fast as headstart converts`,
  )
}

/** A few hundred files across the first layer, as a start touches them. */
async function someFiles(image: string): Promise<string[]> {
  return withImage(image, async ({ layers }) => {
    const names: string[] = []
    const stream = await layers[0]?.open()
    if (stream === undefined) return names
    const unpacked = await decompress(stream)
    for await (const event of scanTar(unpacked.stream))
      if (event.kind === 'entry' && event.entry.type === 'reg' && /^[ -~]*$/.test(event.entry.path))
        names.push(event.entry.path)
    return names.filter((_, index) => index % Math.ceil(names.length / 300) === 0)
  })
}

await bench()
