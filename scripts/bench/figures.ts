/**
 * `npm run bench:figures`: the tables of the README and of docs/formats.md. Each kind of the demo image is recorded and rebuilt by headstart and by
 * `ctr-remote images optimize` (see support/reference.ts), which prints what converting takes and how large the layers are; then all arms
 * are measured from nothing to ready. Needs what scripts/test installs, root, and a quiet machine.
 * --keep measures the images that an earlier run made. --program FILE measures with another headstart than this checkout's: the `cli/headstart.js` of
 * a package that was installed, which loads faster and is what people have.
 * Options: --samples N --links lan,wan --runtimes builtin,containerd --kinds webapp,node,nginx --out FOLDER
 * --arms legacy,lazy,optimized,split,zstd:chunked,external-toc,reference
 * --runtimes builtin,containerd,run-runc,run-docker: the last two are `headstart run`
 * --peers debian,newest: which containerd and snapshotter start them. Debian's snapshotter can't start external-toc, which is left out there.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Bench, readBench } from '../../report/bench/file.ts'
import { type ArmSummary, summarize } from '../../report/bench/summary.ts'
import { runCommand } from '../../system/process/command.ts'
import { type DemoKind, demoImages, makeDemoImage } from '../demo-image/images.ts'
import { programsOf } from '../support/containerd.ts'
import { sizesOf } from '../support/measure.ts'
import { type PeerSet, peerSets } from '../support/peers.ts'
import { referenceName } from '../support/reference.ts'
import { startRegistry } from '../support/registry.ts'
import { HEADSTART, type MadeImage, makeImages, readiness } from './figures-images.ts'

const { values } = parseArgs({
  options: {
    samples: { type: 'string', default: '5' },
    links: { type: 'string', default: 'lan,wan' },
    runtimes: { type: 'string', default: 'builtin,containerd' },
    kinds: { type: 'string', default: 'webapp,node,nginx' },
    arms: { type: 'string', default: 'legacy,lazy,optimized,split,reference' },
    peers: { type: 'string', default: 'newest' },
    out: { type: 'string', default: '.cache/figures' },
    keep: { type: 'boolean', default: false },
    program: { type: 'string', default: HEADSTART },
  },
})
const listOf = (text: string): string[] => text.split(',').filter((part) => part !== '')

const isKind = (text: string): text is DemoKind => Object.hasOwn(demoImages, text)
const isPeerSet = (text: string): text is PeerSet => text === 'debian' || text === 'newest'

const HEADS: Readonly<Record<string, string>> = {
  legacy: 'full pull',
  lazy: 'lazy, no zone',
  optimized: 'headstart',
  split: 'headstart --split',
  'zstd:chunked': 'headstart, zstd:chunked',
  'external-toc': 'headstart, external TOC',
  reference: 'ctr-remote optimize',
}

const headOf = (arm: string): string => HEADS[arm] ?? arm

interface Place {
  readonly runtime: string
  readonly peers: PeerSet
  readonly link: string
}

const armsAt = ({ runtime, peers }: Place): string[] =>
  listOf(values.arms).filter(
    (arm) => !(arm === 'external-toc' && runtime === 'containerd' && peers === 'debian'),
  )

/** One sample of each arm. */
async function measureOnce(kind: DemoKind, images: readonly MadeImage[], place: Place): Promise<Bench> {
  const { runtime, peers, link } = place
  const out = join(values.out, kind, `${nameOf(place)}-${link}.json`)
  const { snapshotter, env } = await programsOf(peers)
  const arms = armsAt(place)
  const imageOf = (wanted: string) => images.find(({ arm }) => arm === wanted)?.image ?? ''
  const others = images.filter(({ arm }) => arm !== 'optimized' && arms.includes(arm))
  const command = [
    ...[values.program, 'bench', demoImages[kind].image, imageOf('optimized')],
    ...others.flatMap(({ arm, image }) => ['--image', `${arm}=${image}`]),
    ...readiness(kind),
    ...[...runtimeFlags(runtime), '--link', link, '--arms', arms.join(',')],
    ...['--samples', '1', '--warmups', '0', '--watch', '0'],
    ...(runtime === 'containerd' ? ['--snapshotter', snapshotter] : []),
    ...['-o', out],
  ]
  await runCommand(process.execPath, command, { env })
  return readBench(out)
}

/** The places take turns, as arms do: what changes on the machine meanwhile changes for all of them. */
async function measure(kind: DemoKind, images: readonly MadeImage[], places: readonly Place[]) {
  const benches = new Map<Place, Bench>()
  for (let round = 0; round < Number(values.samples); round++)
    for (const place of places) {
      const bench = await measureOnce(kind, images, place)
      const samples = [...(benches.get(place)?.samples ?? []), ...bench.samples]
      benches.set(place, { ...bench, samples })
    }
  return new Map([...benches].map(([place, bench]) => [place, summarize(bench)]))
}

/** `run-docker`: the runtime, and the engine that it is given. */
function runtimeFlags(text: string): string[] {
  const [runtime = '', engine] = text.split('-')
  return ['--runtime', runtime, ...(engine === undefined ? [] : ['--engine', engine])]
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)

const nameOf = ({ runtime, peers }: Omit<Place, 'link'>): string =>
  runtime === 'containerd' ? `containerd-${peers}` : runtime

/** @param reference undefined: its own cell, or it is not measured */
function startCell({ arm, total, bytes, requests }: ArmSummary, reference: ArmSummary | undefined): string {
  const seconds = `${(total.median / 1000).toFixed(2)} s`
  if (arm.kind === 'legacy') return seconds
  const ratio = (ours: number, theirs: number) => (ours / theirs).toFixed(2)
  const against = reference
    ? ` (${ratio(total.median, reference.total.median)}, ${ratio(bytes.median, reference.bytes.median)})`
    : ''
  return `${seconds}, ${megabytes(bytes.median)} MB, ${requests.median.toFixed(0)} req.${against}`
}

function conversionCell({ cost, bytes, tocBytes }: MadeImage): string {
  const size = `${megabytes(bytes)} MB${tocBytes > 0 ? ` and ${(tocBytes / 1e6).toFixed(2)} MB` : ''}`
  return cost ? `${size}, ${cost.wallS.toFixed(1)} s, ${cost.cpuS.toFixed(1)} s CPU` : size
}

function printTable(title: string, heads: readonly string[]): void {
  console.log(`\n${title}\n\n| ${heads.join(' | ')} |\n| ${heads.map(() => '---').join(' | ')} |`)
}

await using registry = await startRegistry()
const made = new Map<DemoKind, MadeImage[]>()
const titles = new Map<DemoKind, string>()
for (const kind of listOf(values.kinds).filter(isKind)) {
  await makeDemoImage(kind)
  titles.set(kind, `${kind}: ${megabytes((await sizesOf(demoImages[kind].image)).bytes)} MB`)
  const request = { arms: listOf(values.arms), folder: values.out, host: registry.host, keep: values.keep }
  made.set(kind, await makeImages(kind, request))
}
const [first = []] = made.values()
printTable(
  `Conversion, once; the reference by ${referenceName(peerSets.at(-1) ?? 'debian')}, without its recording`,
  ['image', ...first.map(({ arm }) => headOf(arm))],
)
for (const [kind, images] of made)
  console.log(`| ${[titles.get(kind), ...images.map(conversionCell)].join(' | ')} |`)

const places = listOf(values.links).flatMap((link) =>
  listOf(values.runtimes).flatMap((runtime) =>
    (runtime === 'containerd' ? listOf(values.peers).filter(isPeerSet) : (['debian'] as const)).map(
      (peers): Place => ({ runtime, peers, link }),
    ),
  ),
)
const measured = new Map<DemoKind, ReadonlyMap<Place, ArmSummary[]>>()
for (const [kind, images] of made) measured.set(kind, await measure(kind, images, places))

for (const place of places) {
  const title = `${nameOf(place)}, ${place.link}, ${values.samples} samples, medians; in brackets time and bytes, the reference's being 1`
  printTable(title, ['image', ...armsAt(place).map(headOf)])
  for (const [kind, byPlace] of measured) {
    const summaries = byPlace.get(place) ?? []
    // Every place is compared with what containerd does with it.
    const reference =
      places
        .filter(({ link }) => link === place.link)
        .flatMap((each) => byPlace.get(each) ?? [])
        .find(({ arm }) => arm.id === 'reference' && arm.runtime === 'containerd') ??
      summaries.find(({ arm }) => arm.id === 'reference')
    const cells = armsAt(place).map((id) => {
      const summary = summaries.find(({ arm }) => arm.id === id)
      return summary ? startCell(summary, summary === reference ? undefined : reference) : '–'
    })
    console.log(`| ${[titles.get(kind), ...cells].join(' | ')} |`)
  }
}
