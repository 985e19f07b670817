/**
 * `npm run bench:optimize [IMAGE]`: an image converted to eStargz by headstart and by `ctr-remote images convert`, and reordered by
 * headstart, interleaved in one run. Prints medians of wall time, CPU time, peak memory and bytes, and the ratios.
 *
 * IMAGE is an OCI layout, `oci:FOLDER:TAG`; by default the web application of scripts/demo-image, which is built if it is missing.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
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
import { type CommandCost, measureCommand, roundsOr } from '../support/measure.ts'

const ROUNDS = roundsOr(3)

interface Sample extends CommandCost {
  /** of all layers, compressed */
  readonly bytes: number
}

const run = promisify(execFile)

async function withImage<T>(reference: string, work: (image: Image) => Promise<T>): Promise<T> {
  await using source = await openSource(reference)
  return await work(await source.image())
}

const bytesOf = (reference: string): Promise<number> =>
  withImage(reference, async ({ manifest }) => manifest.layers.reduce((sum, { size }) => sum + size, 0))

const HEADSTART = new URL('../../cli/headstart.js', import.meta.url).pathname

/** As a user runs it. @param trace selects the prioritized zone */
async function ours(from: string, to: string, trace: string): Promise<Sample> {
  const sample = await measureCommand(process.execPath, [HEADSTART, 'optimize', from, to, '--trace', trace])
  return { ...sample, bytes: await bytesOf(to) }
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

/** The client converts, the daemon writes: both count. */
async function reference(daemon: Containerd, name: string): Promise<Sample> {
  const before = await daemonCpu(daemon)
  const sample = await measureCommand(
    'ctr-remote',
    ['images', 'convert', '--estargz', '--oci', SOURCE, name],
    daemon.env,
  )
  const cpuS = sample.cpuS + (await daemonCpu(daemon)) - before
  return { ...sample, cpuS, bytes: await referenceBytes(daemon, name) }
}

const SOURCE = 'bench.local/image:source'
const manifestSchema = z.object({ layers: z.array(z.object({ size: z.number() })) })

async function referenceBytes(daemon: Containerd, name: string): Promise<number> {
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

async function bench(given: string | undefined): Promise<void> {
  const folder = await mkdtemp(join(workspaceRoot(), 'bench-optimize-'))
  try {
    const image = given ?? (await demo())
    await using daemon = await startContainerd()
    await run('skopeo', ['copy', '-q', image, `oci-archive:${folder}/image.tar:source`])
    await daemon.ctr('images', 'import', '--base-name', 'bench.local/image', join(folder, 'image.tar'))
    const samples: Samples = { reference: [], convert: [], reorder: [], reuse: [] }
    const nothing = await traceOf(image, [], join(folder, 'nothing.json'))
    const some = await traceOf(image, await someFiles(image), join(folder, 'some.json'))
    for (let round = 0; round < ROUNDS; round++) {
      const converted = `oci:${join(folder, `ours-${round}`)}:v1`
      samples.reference.push(await reference(daemon, `bench.local/image:out-${round}`))
      samples.convert.push(await ours(image, converted, nothing))
      samples.reorder.push(await ours(converted, `oci:${join(folder, `again-${round}`)}:v1`, some))
      samples.reuse.push(await ours(converted, `oci:${join(folder, `same-${round}`)}:v1`, nothing))
    }
    print(samples)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Samples = Record<'reference' | 'convert' | 'reorder' | 'reuse', Sample[]>

const names: Record<keyof Samples, string> = {
  reference: 'ctr-remote images convert',
  convert: 'headstart',
  reorder: '… reordering its own image',
  reuse: '… with nothing to change',
}

function print(samples: Samples): void {
  const theirs = summary(samples.reference)
  const of = (what: number, whole: number) => `(${(what / whole).toFixed(2)})`
  for (const arm of ['reference', 'convert', 'reorder', 'reuse'] as const) {
    const { wallS, cpuS, peakMiB, bytes } = summary(samples[arm])
    const cells = [
      `${wallS.toFixed(2)} s wall ${of(wallS, theirs.wallS)}`,
      `${cpuS.toFixed(2)} s CPU ${of(cpuS, theirs.cpuS)}`,
      `${peakMiB.toFixed(0)} MiB`,
      `${(bytes / 1e6).toFixed(1)} MB ${of(bytes, theirs.bytes)}`,
    ]
    console.log(`${names[arm].padEnd(28)}${cells.map((cell) => cell.padStart(22)).join('')}`)
  }
  const reorderS = summary(samples.reorder).wallS
  const [fromTheirs, fromOurs] = [theirs.wallS, summary(samples.convert).wallS].map((wallS) =>
    (wallS / reorderS).toFixed(1),
  )
  console.log(
    `reordering: ${fromTheirs} times as fast as ctr-remote converts, ${fromOurs} times as fast as headstart converts`,
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

await bench(process.argv[2])
