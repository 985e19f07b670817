/**
 * `npm run bench:fleet`: how many images an hour a fleet's workers bring up to date on this machine, and how long one job takes that has it to itself.
 * Redis, a registry and workers are real; all of them share the machine, and what is remembered of layers. New images are recorded and rebuilt; of
 * a next build, which has one small layer more, only the rebuild is due. Needs root, FUSE, what scripts/test installs, and a quiet machine.
 * Options: --kinds tiny,node --workers 1,2,4 --images 12
 */
import { mkdtempDisposable } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { listenForInterrupts } from '../../cli/interrupt.ts'
import { median } from '../../report/bench/stats.ts'
import { workspaceRoot } from '../../system/workspace.ts'
import { busyboxImage } from '../../test/support/images.ts'
import { type DemoKind, demoImages, makeDemoImage } from '../demo-image/images.ts'
import { type CommandCost, measureCommand, roundsOr, sizesOf } from '../support/measure.ts'
import { startRegistry } from '../support/registry.ts'
import { HEADSTART } from './figures-images.ts'
import { type BenchImage, throughput } from './fleet-throughput.ts'
import { pushNextBuild } from './next-build.ts'

const ROUNDS = roundsOr(5)

const { values } = parseArgs({
  options: {
    kinds: { type: 'string', default: 'tiny,node' },
    workers: { type: 'string', default: '1,2,4' },
    images: { type: 'string', default: `${Math.min(12, 4 * ROUNDS)}` },
  },
})
const isKind = (text: string): text is DemoKind => Object.hasOwn(demoImages, text)

/** `tiny` is busybox and a file; the others are those of scripts/demo-image. */
async function imageOf(kind: string, folder: string): Promise<BenchImage> {
  if (isKind(kind)) return { name: kind, ...(await makeDemoImage(kind)) }
  const command = 'cat /app.txt > /dev/null; echo started; sleep 600'
  return { name: 'tiny', image: await busyboxImage(join(folder, 'tiny'), { command }), ready: /started/ }
}

interface Jobs {
  readonly record: CommandCost
  readonly rebuild: CommandCost
  readonly next: CommandCost
  readonly bytes: number
  readonly madeBytes: number
}

/** Of jobs that are done one at a time, each on an image that nobody has seen before. */
async function jobsOf({ name, image, ready }: BenchImage, signal: AbortSignal): Promise<Jobs> {
  await using registry = await startRegistry()
  const headstart = (...args: string[]) => measureCommand(process.execPath, [HEADSTART, '--quiet', ...args])
  const records: CommandCost[] = []
  const rebuilds: CommandCost[] = []
  const nexts: CommandCost[] = []
  let last = ''
  for (let round = 0; round < ROUNDS; round++) {
    signal.throwIfAborted()
    const source = `docker://${registry.host}/${name}-${round}:v1`
    await headstart('copy', image, source)
    records.push(
      await headstart(
        'profile',
        source,
        `--ready-log=${ready.source}`,
        '--push',
        '--name=start',
        '--output=/dev/null',
      ),
    )
    const rebuild = (from: string) =>
      headstart('optimize', from, `${from}-esgz`, `--profile-from=${source}`, '--split=auto')
    last = `${source}-esgz`
    rebuilds.push(await rebuild(source))
    const next = source.replace(/v1$/, 'v2')
    await pushNextBuild(source, next)
    nexts.push(await rebuild(next))
  }
  const bytes = async (which: string) => (await sizesOf(which)).bytes
  return {
    record: medianCost(records),
    rebuild: medianCost(rebuilds),
    next: medianCost(nexts),
    bytes: await bytes(image),
    madeBytes: await bytes(last),
  }
}

const medianCost = (costs: readonly CommandCost[]): CommandCost => ({
  wallS: median(costs.map(({ wallS }) => wallS)),
  cpuS: median(costs.map(({ cpuS }) => cpuS)),
  peakMiB: median(costs.map(({ peakMiB }) => peakMiB)),
})

const row = (cells: readonly string[]): void => console.log(`| ${cells.join(' | ')} |`)

function head(title: string, cells: readonly string[]): void {
  console.log(`\n${title}\n`)
  row(cells)
  row(cells.map(() => '---'))
}

async function oneByOne(images: readonly BenchImage[], signal: AbortSignal): Promise<void> {
  head(`One job at a time, medians of ${ROUNDS}`, ['image', 'job', 'time', 'CPU time', 'memory'])
  for (const image of images) {
    const { record, rebuild, next, bytes, madeBytes } = await jobsOf(image, signal)
    const name = `${image.name}: ${(bytes / 1e6).toFixed(1)} MB, then ${(madeBytes / 1e6).toFixed(1)} MB`
    for (const [job, { wallS, cpuS, peakMiB }] of Object.entries({
      record,
      rebuild,
      'next build: rebuild': next,
    }))
      row([name, job, `${wallS.toFixed(2)} s`, `${cpuS.toFixed(2)} s`, `${peakMiB.toFixed(0)} MiB`])
  }
}

async function allAtOnce(images: readonly BenchImage[], signal: AbortSignal): Promise<void> {
  head(`Images an hour, ${values.images} at once; in brackets: with one worker being 1`, [
    'image',
    'workers',
    'new: record and rebuild',
    'next build: rebuild',
  ])
  for (const image of images) {
    let first: readonly number[] | undefined
    for (const workers of values.workers.split(',').map(Number)) {
      const sizes = { workers, images: Number(values.images) }
      const perHour = await throughput(image, sizes, signal)
      first ??= perHour
      const cells = perHour.map((rate, index) => {
        const ratio = rate / (first?.[index] ?? rate)
        return `${rate.toFixed(0)} (${ratio.toFixed(2)})`
      })
      row([image.name, `${workers}`, ...cells])
    }
  }
}

/** However it is ended: its servers and workers are ended, too. */
using interrupts = listenForInterrupts()
const { abort } = interrupts
try {
  await using folder = await mkdtempDisposable(join(workspaceRoot(), 'bench-fleet-'))
  process.env.HEADSTART_CACHEDIR = join(folder.path, 'cache')
  const images = await Promise.all(values.kinds.split(',').map((kind) => imageOf(kind, folder.path)))
  await oneByOne(images, abort)
  await allAtOnce(images, abort)
} catch (error) {
  if (!abort.aborted) throw error
  process.exitCode = interrupts.status()
}
