/**
 * `npm run bench:optimize [IMAGE]`: an image converted to eStargz by headstart and by `ctr-remote images convert`, and put into another
 * order by headstart, interleaved in one run. Prints medians of wall time, CPU time, peak memory and bytes, and the ratios.
 *
 * IMAGE is an OCI layout, `oci:FOLDER:TAG`; by default one layer of this machine's programs, Python and Perl is made.
 * `--once FROM TO [PATH…]` is what each sample of ours runs: one conversion, the paths ahead.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { z } from 'zod'
import { decompress } from '../../image/decompress.ts'
import { digestOf } from '../../image/digest.ts'
import { openSource } from '../../image/sources.ts'
import { scanTar } from '../../image/tar/scan.ts'
import { openTarget } from '../../image/targets.ts'
import type { Image } from '../../image/types.ts'
import { workspaceRoot } from '../../image/workspace.ts'
import { rebuildImage } from '../../optimizer/rebuild.ts'
import { type Containerd, startContainerd } from '../../test/peers/containerd.ts'

const ROUNDS = 3

interface Sample {
  readonly wallS: number
  readonly cpuS: number
  readonly peakMiB: number
  /** of all layers, compressed */
  readonly bytes: number
}

const run = promisify(execFile)

/** GNU time tells what a process and its children took. */
async function measure(
  command: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<Omit<Sample, 'bytes'>> {
  const { stderr } = await run('/usr/bin/time', ['-f', 'taken %e %U %S %M', command, ...args], {
    maxBuffer: 1 << 26,
    ...(env && { env }),
  })
  const [, wall, user, system, peak] = /taken (\S+) (\S+) (\S+) (\S+)/.exec(stderr) ?? []
  return { wallS: Number(wall), cpuS: Number(user) + Number(system), peakMiB: Number(peak) / 1024 }
}

async function withImage<T>(reference: string, work: (image: Image) => Promise<T>): Promise<T> {
  await using source = await openSource(reference)
  return await work(await source.image())
}

const bytesOf = (reference: string): Promise<number> =>
  withImage(reference, async ({ manifest }) => manifest.layers.reduce((sum, { size }) => sum + size, 0))

async function once(from: string, to: string, paths: readonly string[]): Promise<void> {
  const startup = paths.map((path) => ({ path, ranges: [], size: 0, afterReady: false, read: true }))
  await withImage(from, async (image) => {
    await using target = await openTarget(to)
    await target.prepare({ force: true })
    await rebuildImage({ image, target, startup })
  })
}

async function ours(from: string, to: string, paths: readonly string[] = []): Promise<Sample> {
  const args = [import.meta.filename, '--once', from, to, ...paths]
  const sample = await measure(process.execPath, args)
  return { ...sample, bytes: await bytesOf(to) }
}

/** The converter works in the client, the daemon writes: both count. */
async function reference(daemon: Containerd, name: string): Promise<Sample> {
  const before = await daemonCpu(daemon)
  const sample = await measure(
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

/** Seconds of user and system time that the daemon has taken so far. */
async function daemonCpu({ folder }: Containerd): Promise<number> {
  const { stdout } = await run('pgrep', ['-f', `containerd -c ${folder}`])
  const stat = await readFile(`/proc/${stdout.trim().split('\n')[0]}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** One layer of what this machine has: thousands of files, small and large. */
async function makeImage(folder: string): Promise<string> {
  const { stdout } = await run(
    'tar',
    ['-C', '/', '-cf', '-', 'usr/lib/python3', 'usr/bin', 'usr/share/perl'],
    {
      encoding: 'buffer',
      maxBuffer: 2 ** 31,
    },
  )
  const put = async (bytes: Buffer, mediaType: string) => {
    const digest = digestOf(bytes)
    await writeFile(join(folder, 'blobs/sha256', digest.slice(7)), bytes)
    return { mediaType, digest, size: bytes.length }
  }
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true })
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [digestOf(stdout)] },
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: await put(Buffer.from(JSON.stringify(config)), 'application/vnd.oci.image.config.v1+json'),
    layers: [await put(gzipSync(stdout), 'application/vnd.oci.image.layer.v1.tar+gzip')],
  }
  const descriptor = await put(Buffer.from(JSON.stringify(manifest)), manifest.mediaType)
  const annotations = { 'org.opencontainers.image.ref.name': 'v1' }
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...descriptor, annotations }] }),
  )
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  return `oci:${folder}:v1`
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

function summary(samples: readonly Sample[]): Sample {
  const of = (field: keyof Sample) => median(samples.map((sample) => sample[field]))
  return { wallS: of('wallS'), cpuS: of('cpuS'), peakMiB: of('peakMiB'), bytes: of('bytes') }
}

const line = (name: string, { wallS, cpuS, peakMiB, bytes }: Sample): string =>
  `${name.padEnd(22)} ${wallS.toFixed(2).padStart(7)} s wall ${cpuS.toFixed(2).padStart(7)} s CPU ${peakMiB.toFixed(0).padStart(5)} MiB ${(bytes / 1e6).toFixed(2).padStart(8)} MB`

async function bench(given: string | undefined): Promise<void> {
  const folder = await mkdtemp(join(workspaceRoot(), 'bench-optimize-'))
  try {
    const image = given ?? (await makeImage(join(folder, 'image')))
    await using daemon = await startContainerd()
    await run('skopeo', ['copy', '-q', image, `oci-archive:${folder}/image.tar:source`])
    await daemon.ctr('images', 'import', '--base-name', 'bench.local/image', join(folder, 'image.tar'))
    const samples: Record<'reference' | 'convert' | 'reorder', Sample[]> = {
      reference: [],
      convert: [],
      reorder: [],
    }
    const some = await someFiles(image)
    for (let round = 0; round < ROUNDS; round++) {
      const converted = `oci:${join(folder, `ours-${round}`)}:v1`
      samples.reference.push(await reference(daemon, `bench.local/image:out-${round}`))
      samples.convert.push(await ours(image, converted))
      samples.reorder.push(await ours(converted, `oci:${join(folder, `again-${round}`)}:v1`, some))
    }
    const [theirs, convert, reorder] = [
      summary(samples.reference),
      summary(samples.convert),
      summary(samples.reorder),
    ]
    console.log(line('ctr-remote convert', theirs))
    console.log(line('headstart convert', convert))
    console.log(line('headstart reorder', reorder))
    const ratio = (a: number, b: number) => (a / b).toFixed(2)
    console.log(
      `of the reference: wall ${ratio(convert.wallS, theirs.wallS)}, CPU ${ratio(convert.cpuS, theirs.cpuS)}, bytes ${ratio(convert.bytes, theirs.bytes)}; reorder: wall ${ratio(reorder.wallS, theirs.wallS)}`,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A few hundred files all over the first layer, as a start touches them. */
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

const [first, from = '', to = '', ...paths] = process.argv.slice(2)
if (first === '--once') await once(from, to, paths)
else await bench(first)
