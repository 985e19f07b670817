/**
 * `npm run bench:figures`: the tables of the README. Each kind of the demo image is recorded and rebuilt by headstart and by `ctr-remote
 * images optimize`, then all arms are measured from nothing to ready. Needs what scripts/test installs, root, and a quiet machine.
 * Options: --samples N --links lan,wan --runtimes builtin,containerd --kinds webapp,node,nginx --arms lazy,optimized --out FOLDER
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openSource } from '../../image/sources.ts'
import { readBench } from '../../report/bench/file.ts'
import { type ArmSummary, summarize } from '../../report/bench/summary.ts'
import { runCommand } from '../../system/command.ts'
import { workspaceRoot } from '../../system/workspace.ts'
import { type DemoKind, demoImages, makeDemoImage } from '../demo-image/images.ts'
import { startContainerd } from '../support/containerd.ts'
import { buildGo } from '../support/go.ts'

const HEADSTART = new URL('../../cli/headstart.js', import.meta.url).pathname
const SNAPSHOTTER = new URL('../support/stargzd/', import.meta.url).pathname

const { values } = parseArgs({
  options: {
    samples: { type: 'string', default: '5' },
    links: { type: 'string', default: 'lan,wan' },
    runtimes: { type: 'string', default: 'builtin,containerd' },
    kinds: { type: 'string', default: 'webapp,node,nginx' },
    arms: { type: 'string', default: 'legacy,lazy,optimized,reference' },
    out: { type: 'string', default: '.cache/figures' },
  },
})
const listOf = (text: string): string[] => text.split(',').filter((part) => part !== '')

const isKind = (text: string): text is DemoKind => Object.hasOwn(demoImages, text)

const headstart = (...args: readonly string[]) => runCommand(process.execPath, [HEADSTART, ...args])

/** The same for every arm: a line of the log. */
const readiness = (kind: DemoKind): string[] => ['--ready-log', demoImages[kind].ready.source]

interface Arms {
  readonly original: string
  readonly optimized: string
  readonly reference: string
}

/** headstart's trace ends at ready; that of the reference ends after a period, long enough for the slowest start. */
async function makeArms(kind: DemoKind): Promise<Arms> {
  const folder = join(values.out, kind)
  const [optimized, reference] = ['optimized', 'reference'].map((name) => `oci:${folder}/${name}:latest`)
  if (optimized === undefined || reference === undefined) throw new Error('two names')
  const original = demoImages[kind].image
  await mkdir(folder, { recursive: true })
  const trace = join(folder, 'trace.json')
  await headstart('profile', original, '--network', 'none', ...readiness(kind), '-o', trace)
  await headstart('optimize', original, optimized, '--trace', trace, '--force')
  if (!existsSync(join(folder, 'reference'))) await makeReference(original, reference)
  return { original, optimized, reference }
}

async function makeReference(original: string, reference: string): Promise<void> {
  const folder = await mkdtemp(join(workspaceRoot(), 'figures-'))
  try {
    await using containerd = await startContainerd()
    const [before, after] = [join(folder, 'before.tar'), join(folder, 'after.tar')]
    await runCommand('skopeo', ['copy', '-q', original, `oci-archive:${before}:latest`])
    await containerd.ctr('images', 'import', '--base-name', 'figures', before)
    await containerd.ctr(
      'images',
      'optimize',
      '--oci',
      '--net-host',
      '--period',
      '6',
      'figures:latest',
      'figures:after',
    )
    await containerd.ctr('images', 'export', after, 'figures:after')
    await runCommand('skopeo', ['copy', '-q', `oci-archive:${after}`, reference])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(kind: DemoKind, arms: Arms, runtime: string, link: string): Promise<ArmSummary[]> {
  const out = join(values.out, kind, `${runtime}-${link}.json`)
  const options = [
    '--runtime',
    runtime,
    '--link',
    link,
    '--samples',
    values.samples,
    '--warmups',
    '0',
    '--watch',
    '0',
    '--arms',
    values.arms,
  ]
  if (runtime === 'containerd') options.push('--snapshotter', await buildGo(SNAPSHOTTER))
  await headstart(
    'bench',
    arms.original,
    arms.optimized,
    '--image',
    `reference=${arms.reference}`,
    ...readiness(kind),
    ...options,
    '-o',
    out,
  )
  return summarize(await readBench(out))
}

async function sizeOf(image: string): Promise<number> {
  await using source = await openSource(image)
  const { manifest } = await source.image()
  return manifest.layers.reduce((sum, { size }) => sum + size, 0)
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)

function cell({ arm, total, bytes, requests }: ArmSummary): string {
  const seconds = `${(total.median / 1000).toFixed(2)} s`
  return arm.kind === 'legacy'
    ? seconds
    : `${seconds}, ${megabytes(bytes.median)} MB, ${requests.median.toFixed(0)} req.`
}

function row(kind: DemoKind, size: number, arms: readonly ArmSummary[]): string {
  const of = (id: string) => arms.find(({ arm }) => arm.id === id)
  const [ours, theirs] = [of('optimized'), of('reference')]
  const against =
    ours && theirs
      ? `${(ours.total.median / theirs.total.median).toFixed(2)}, ${(ours.bytes.median / theirs.bytes.median).toFixed(2)}`
      : '–'
  const cells = ['legacy', 'lazy', 'optimized', 'reference'].map((id) => {
    const arm = of(id)
    return arm ? cell(arm) : '–'
  })
  return `| ${kind}: ${megabytes(size)} MB | ${cells.join(' | ')} | ${against} |`
}

const kinds = listOf(values.kinds).filter(isKind)
const made = new Map<DemoKind, Arms>()
for (const kind of kinds) {
  await makeDemoImage(kind)
  made.set(kind, await makeArms(kind))
}
for (const runtime of listOf(values.runtimes))
  for (const link of listOf(values.links)) {
    console.log(`\n${runtime}, ${link}, ${values.samples} samples, medians\n`)
    console.log(
      '| image | full pull | lazy, no zone | headstart | ctr-remote optimize | time, bytes against it |',
    )
    console.log('| --- | --- | --- | --- | --- | --- |')
    for (const [kind, arms] of made)
      console.log(row(kind, await sizeOf(arms.original), await measure(kind, arms, runtime, link)))
  }
