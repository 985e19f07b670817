/**
 * `npm run bench:figures`: the tables of the README. Each kind of the demo image is recorded and rebuilt by headstart and by `ctr-remote
 * images optimize`, then all arms are measured from nothing to ready. Needs what scripts/test installs, root, and a quiet machine.
 * Options: --samples N --links lan,wan --runtimes builtin,containerd --kinds webapp,node,nginx --arms lazy,optimized --out FOLDER
 * --peers debian,newest: which containerd and snapshotter start them. The reference's image is always made by Debian's `ctr-remote`: the newest one can't be
 * built from its module. What its library writes differs by less than a thousandth in size.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openSource } from '../../image/sources.ts'
import { readBench } from '../../report/bench/file.ts'
import { type ArmSummary, summarize } from '../../report/bench/summary.ts'
import { runCommand } from '../../system/process/command.ts'
import { workspaceRoot } from '../../system/workspace.ts'
import { type DemoKind, demoImages, makeDemoImage } from '../demo-image/images.ts'
import { programsOf, startContainerd } from '../support/containerd.ts'
import type { PeerSet } from '../support/peers.ts'

const HEADSTART = new URL('../../cli/headstart.js', import.meta.url).pathname

const { values } = parseArgs({
  options: {
    samples: { type: 'string', default: '5' },
    links: { type: 'string', default: 'lan,wan' },
    runtimes: { type: 'string', default: 'builtin,containerd' },
    kinds: { type: 'string', default: 'webapp,node,nginx' },
    arms: { type: 'string', default: 'legacy,lazy,optimized,split,reference' },
    peers: { type: 'string', default: 'newest' },
    out: { type: 'string', default: '.cache/figures' },
  },
})
const listOf = (text: string): string[] => text.split(',').filter((part) => part !== '')

/** An image is made only if it is measured. */
const ARMS = values.arms.split(',')

const isKind = (text: string): text is DemoKind => Object.hasOwn(demoImages, text)

const headstart = (...args: readonly string[]) => runCommand(process.execPath, [HEADSTART, ...args])

/** The same for every arm: a line of the log. */
const readiness = (kind: DemoKind): string[] => ['--ready-log', demoImages[kind].ready.source]

interface Arms {
  readonly original: string
  readonly optimized: string
  /** with only ranges ahead, where that pays */
  readonly split: string
  readonly reference: string
}

/** headstart's trace ends at ready; that of the reference ends after a period, long enough for the slowest start. */
async function makeArms(kind: DemoKind): Promise<Arms> {
  const folder = join(values.out, kind)
  const at = (name: string) => `oci:${folder}/${name}:latest`
  const [optimized, split, reference] = [at('optimized'), at('split'), at('reference')]
  const original = demoImages[kind].image
  await mkdir(folder, { recursive: true })
  const trace = join(folder, 'trace.json')
  await headstart('profile', original, '--network', 'none', ...readiness(kind), '-o', trace)
  await headstart('optimize', original, optimized, '--trace', trace, '--force')
  if (ARMS.includes('split'))
    await headstart('optimize', original, split, '--trace', trace, '--split', '--force')
  if (ARMS.includes('reference') && !existsSync(join(folder, 'reference')))
    await makeReference(original, reference)
  return { original, optimized, split, reference }
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

interface Place {
  readonly runtime: string
  readonly peers: PeerSet
  readonly link: string
}

async function measure(kind: DemoKind, arms: Arms, { runtime, peers, link }: Place): Promise<ArmSummary[]> {
  const out = join(values.out, kind, `${nameOf(runtime, peers)}-${link}.json`)
  const { snapshotter, env } = await programsOf(peers)
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
  if (runtime === 'containerd') options.push('--snapshotter', snapshotter)
  const command = [
    HEADSTART,
    'bench',
    arms.original,
    arms.optimized,
    ...(['reference', 'split'] as const).flatMap((arm) =>
      ARMS.includes(arm) ? ['--image', `${arm}=${arms[arm]}`] : [],
    ),
    ...readiness(kind),
    ...options,
    '-o',
    out,
  ]
  await runCommand(process.execPath, command, { env })
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

const COLUMNS = ['legacy', 'lazy', 'optimized', 'split', 'reference']

function row(kind: DemoKind, size: number, arms: readonly ArmSummary[]): string {
  const of = (id: string) => arms.find(({ arm }) => arm.id === id)
  const theirs = of('reference')
  const against = (ours: ArmSummary | undefined) =>
    ours && theirs
      ? `${(ours.total.median / theirs.total.median).toFixed(2)}, ${(ours.bytes.median / theirs.bytes.median).toFixed(2)}`
      : '–'
  const cells = COLUMNS.map((id) => {
    const arm = of(id)
    return arm ? cell(arm) : '–'
  })
  return `| ${[`${kind}: ${megabytes(size)} MB`, ...cells, against(of('optimized')), against(of('split'))].join(' | ')} |`
}

const HEADS = [
  'image',
  'full pull',
  'lazy, no zone',
  'headstart',
  'headstart --split',
  'ctr-remote optimize',
  'headstart against it: time, bytes',
  '--split against it',
]

const nameOf = (runtime: string, peers: PeerSet): string =>
  runtime === 'containerd' ? `containerd-${peers}` : runtime

const isPeerSet = (text: string): text is PeerSet => text === 'debian' || text === 'newest'

const kinds = listOf(values.kinds).filter(isKind)
const made = new Map<DemoKind, Arms>()
for (const kind of kinds) {
  await makeDemoImage(kind)
  made.set(kind, await makeArms(kind))
}
for (const runtime of listOf(values.runtimes))
  for (const peers of runtime === 'containerd'
    ? listOf(values.peers).filter(isPeerSet)
    : (['debian'] as const))
    for (const link of listOf(values.links)) {
      console.log(`\n${nameOf(runtime, peers)}, ${link}, ${values.samples} samples, medians\n`)
      console.log(`| ${HEADS.join(' | ')} |`)
      console.log(`| ${HEADS.map(() => '---').join(' | ')} |`)
      for (const [kind, arms] of made)
        console.log(
          row(kind, await sizeOf(arms.original), await measure(kind, arms, { runtime, peers, link })),
        )
    }
