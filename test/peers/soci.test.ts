/**
 * SOCI's own tool and library judge what is exported for them: the list of files, the spans, and how its zTOCs are read. They run on layouts,
 * without a containerd.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { parseZtoc, type Ztoc } from '../../image/soci/ztoc.ts'
import { buildNewest } from '../../scripts/support/newest.ts'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { runCommand } from '../../system/process/command.ts'
import { writeTrace } from '../../tracer/trace/file.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { writeImage } from '../support/images.ts'
import { file, hardlink } from '../support/tar.ts'
import { traceFile, traceOf } from '../tracer/trace/traces.ts'

/** SOCI is in no Debian of the time: it is left out with the newest. */
const newest = peerSets.filter((set) => set === 'newest')

const SPAN = 128 << 10
const BIG = 4 << 20

/** The same in every run, and nothing that gzip makes smaller: a span for each stretch of it. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

const descriptor = z.object({
  mediaType: z.string(),
  digest: z.string(),
  annotations: z.record(z.string(), z.string()).optional(),
})
const document = z.object({
  config: z.object({ mediaType: z.string() }).optional(),
  manifests: z.array(descriptor).optional(),
  layers: z.array(descriptor).optional(),
})
const spansSchema = z.object({
  version: z.literal('1.0'),
  prefetch_spans: z.array(z.object({ start_span: z.number(), end_span: z.number() })),
})
type Spans = z.infer<typeof spansSchema>['prefetch_spans']

const PREFETCH = 'application/vnd.amazon.soci.prefetch.v1+json'
const LAYER = 'com.amazon.soci.image-layer-digest'

const trace = traceOf([
  traceFile('app/model', {
    size: BIG,
    ranges: [
      [0, 4096],
      [BIG - 10, BIG],
    ],
  }),
  traceFile('app/config', { size: 10, ranges: [[0, 10]] }),
  // SOCI would have the span of a hardlink's header, not that of its content: both names are read.
  traceFile('usr/lib/library', { size: BIG, ranges: [[0, 1]] }),
  traceFile('usr/lib/linked', { size: BIG, ranges: [[BIG / 2, BIG / 2 + 1]] }),
])

/** What the tool made of one layer. */
interface Converted {
  readonly layer: string
  readonly ztocFile: string
  readonly ztoc: Ztoc
  readonly theirs: Spans
}

let box: Sandbox
let programs: string
let image: string
let converted: Converted[]

const soci = (...args: string[]) => runCommand(join(programs, 'soci'), args)
const judge = (...args: string[]) => runCommand(join(programs, 'socijudge'), args)

beforeAll(async () => {
  box = await sandbox()
  if (newest.length === 0) return
  programs = await buildNewest('soci')
  image = await writeImage(join(box.folder, 'image'), {
    layers: [
      [file('usr/lib/library', noise(BIG, 1)), hardlink('usr/lib/linked', 'usr/lib/library')],
      [file('app/config', 'x'.repeat(10)), file('app/model', noise(BIG, 2))],
    ],
  })
  await writeTrace(join(box.folder, 'trace.json'), trace)
  await exported('soci', 'list.json')
  const sizes = ['--span-size', String(SPAN), '--min-layer-size', '0']
  const list = ['--prefetch-files-json', join(box.folder, 'list.json')]
  const places = [join(box.folder, 'image'), join(box.folder, 'converted')]
  await soci('convert', '--standalone', '--format', 'oci-dir', ...sizes, ...list, ...places)
  converted = await layersOf(join(box.folder, 'converted'))
}, BUILDING_MS)

afterAll(() => box[Symbol.asyncDispose]())

async function exported(format: string, out: string, ...rest: string[]): Promise<string> {
  const args = ['trace', 'export', 'trace.json', image, '--format', format, '-o', out, ...rest]
  const { status, stderr } = await box.run(args)
  expect(status, stderr).toBe(0)
  return readFile(join(box.folder, out), 'utf8')
}

async function layersOf(layout: string): Promise<Converted[]> {
  const blob = (digest: string) => join(layout, 'blobs', digest.replace(':', '/'))
  const read = async (path: string) => document.parse(JSON.parse(await readFile(path, 'utf8')))
  const found: z.infer<typeof descriptor>[] = []
  const pending = [join(layout, 'index.json')]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { manifests = [], layers = [], config } = await read(next)
    pending.push(...manifests.map(({ digest }) => blob(digest)))
    if (config?.mediaType.includes('soci.index')) found.push(...layers)
  }
  const ofLayer = (layer: string) =>
    found.find(({ mediaType, annotations }) => mediaType === PREFETCH && annotations?.[LAYER] === layer)
  return Promise.all(
    found
      .filter(({ mediaType }) => mediaType !== PREFETCH)
      .map(async ({ digest, annotations }) => {
        const layer = annotations?.[LAYER] ?? ''
        const ztocFile = blob(digest)
        const spans = await readFile(blob(ofLayer(layer)?.digest ?? ''), 'utf8')
        const ztoc = parseZtoc(await readFile(ztocFile), digest)
        return { layer, ztocFile, ztoc, theirs: spansSchema.parse(JSON.parse(spans)).prefetch_spans }
      }),
  )
}

const numbers = (spans: Spans): number[] =>
  spans.flatMap(({ start_span, end_span }) =>
    Array.from({ length: end_span - start_span + 1 }, (_, index) => start_span + index),
  )

test.each(newest)('%s: its tool takes our list, and has spans for both layers', () => {
  expect(converted).toHaveLength(2)
  for (const { theirs } of converted) expect(theirs.length).toBeGreaterThan(0)
})

test.each(newest)('%s: its zTOCs hold for us what they hold for its library', async () => {
  for (const { ztocFile, ztoc } of converted) {
    expect(ztoc.spans.length).toBeGreaterThan(10)
    expect(ztoc).toEqual(JSON.parse(await judge('ztoc', ztocFile)))
  }
})

test.each(newest)(
  '%s: our spans are inside its own, fewer, hold what was read, and are read by its tool',
  async () => {
    for (const { layer, ztocFile, ztoc, theirs } of converted) {
      const text = await exported('soci-spans', 'spans.json', '--ztoc', ztocFile)
      const ours = numbers(spansSchema.parse(JSON.parse(text)).prefetch_spans)
      expect(numbers(theirs)).toEqual(expect.arrayContaining(ours))
      expect(ours.length).toBeLessThan(numbers(theirs).length / 4)
      expect(ours.length).toBeGreaterThan(0)
      for (const offset of readIn(ztoc)) {
        const holds = ours.some(
          (span) =>
            (ztoc.spans[span]?.offset ?? Infinity) <= offset &&
            offset < (ztoc.spans[span + 1]?.offset ?? Infinity),
        )
        expect(holds, `byte ${offset}`).toBe(true)
      }
      const root = join(box.folder, 'soci')
      const kept = await judge('store', root, layer, join(box.folder, 'spans.json'))
      const info = await soci('--root', root, '--content-store', 'soci', 'prefetch', 'info', kept.trim())
      expect(info).toMatch(new RegExp(`Layer Digest: +${layer}`))
      expect(info).toMatch(new RegExp(`Total spans to prefetch: ${ours.length}\n`))
    }
  },
)

/** First and last bytes, in the tar, of what the trace reads of a layer. */
function readIn({ files }: Ztoc): number[] {
  const names: Readonly<Record<string, string>> = { 'usr/lib/linked': 'usr/lib/library' }
  return trace.files.flatMap(({ path, ranges }) => {
    const entry = files.find((each) => each.path === (names[path] ?? path))
    return entry ? ranges.flatMap(([start, end]) => [entry.offset + start, entry.offset + end - 1]) : []
  })
}

test.each(newest)('%s: a zTOC of another image is refused', async () => {
  const other = await writeImage(join(box.folder, 'other'), { layers: [[file('app/config', 'y')]] })
  const [first] = converted
  const { status, stderr } = await box.run([
    ...['trace', 'export', 'trace.json', other, '--format', 'soci-spans', '-o', 'none'],
    ...['--ztoc', first?.ztocFile ?? ''],
  ])
  expect([status, stderr]).toEqual([1, expect.stringContaining('is not the zTOC of any layer of')])
})
