/** A made-up image with its trace and measurement, like a small Python web app; the same every time. */
import type { Bench, BenchFile, BenchSample } from '../../report/bench/file.ts'
import { randomFrom } from '../../report/bench/stats.ts'
import type { Trace } from '../../tracer/trace/file.ts'

const SEED = 11
let random = randomFrom(SEED)
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] ?? list[0] ?? fail()
const fail = (): never => {
  throw new Error('nothing to pick from')
}

const FOLDERS = [
  'usr/bin',
  'usr/lib/x86_64-linux-gnu',
  'usr/lib/x86_64-linux-gnu/perl-base',
  'usr/lib/python3.11',
  'usr/lib/python3.11/asyncio',
  'usr/lib/python3/dist-packages/flask',
  'usr/lib/python3/dist-packages/werkzeug',
  'usr/lib/python3/dist-packages/numpy/core',
  'usr/lib/python3/dist-packages/numpy/linalg',
  'usr/lib/python3/dist-packages/pip/_vendor',
  'usr/share/doc/libc6',
  'usr/share/zoneinfo/Europe',
  'usr/share/locale/de/LC_MESSAGES',
  'usr/share/perl/5.36',
  'var/lib/dpkg/info',
  'app',
]
const WORDS = ['core', 'util', 'io', 'net', 'json', 'http', 'cache', 'types', 'abc', 'codec', 'date', 'math']

const LAYER_SIZES = [41_200_000, 96_500_000, 12_100_000]

function makeFiles(count: number, splitFrom: number | undefined): BenchFile[] {
  const names = new Set<string>()
  const rows: BenchFile[] = []
  while (rows.length < count) {
    const folder = pick(FOLDERS)
    const path = `${folder}/${pick(WORDS)}_${pick(WORDS)}${Math.floor(random() * count)}.${pick(['py', 'so', 'txt', 'pyc'])}`
    if (names.has(path)) continue
    names.add(path)
    const size = Math.floor(Math.exp(5 + random() ** 2 * 10))
    const layer = folder === 'app' ? 2 : /python3|perl/.test(folder) ? 1 : 0
    const started =
      /python3\.11|flask|werkzeug|numpy\/core|x86_64-linux-gnu$|app/.test(folder) && random() < 0.25
    rows.push([path, layer, size, 0, started ? 1 : 0])
  }
  const sums = LAYER_SIZES.map((_, layer) =>
    rows.filter((row) => row[1] === layer).reduce((sum, row) => sum + row[2], 0),
  )
  return rows.map(([path, layer, size, , zone]) => {
    const packed = Math.floor((size / Math.max(1, sums[layer] ?? 1)) * (LAYER_SIZES[layer] ?? 0) * 0.97)
    if (splitFrom !== undefined && zone === 1 && size >= splitFrom)
      return [path, layer, size, packed, 2, Math.floor(size / 8)]
    return [path, layer, size, packed, zone]
  })
}

const traffic = (bytes: number, requests: number, roundTrips = requests) => ({ bytes, requests, roundTrips })
const none = traffic(0, 0)

interface Shape {
  readonly arm: string
  readonly ms: readonly number[]
  readonly traffic: BenchSample['traffic']
  readonly unpack: BenchSample['unpack']
}

const SHAPES: readonly Shape[] = [
  {
    arm: 'legacy',
    ms: [52, 0, 14_600, 160, 1100],
    traffic: {
      resolve: traffic(4200, 3),
      tocs: none,
      prefetch: traffic(149_800_000, 3, 2),
      create: none,
      ready: none,
    },
    unpack: LAYER_SIZES.map((bytes) => ({ bytes, ms: bytes / 60_000 })),
  },
  {
    arm: 'lazy',
    ms: [55, 140, 0, 120, 5400],
    traffic: {
      resolve: traffic(5200, 3),
      tocs: traffic(610_000, 6, 3),
      prefetch: none,
      create: none,
      ready: traffic(22_400_000, 154, 96),
    },
    unpack: [],
  },
  {
    arm: 'optimized',
    ms: [54, 142, 1120, 115, 890],
    traffic: {
      resolve: traffic(5300, 3),
      tocs: traffic(600_000, 6, 3),
      prefetch: traffic(12_700_000, 2, 1),
      create: none,
      ready: traffic(310_000, 3, 3),
    },
    unpack: [],
  },
]

function makeSample({ arm, ms, traffic: moved, unpack }: Shape, round: number): BenchSample {
  const [resolve = 0, tocs = 0, prefetch = 0, create = 0, ready = 0] = ms.map(
    (one) => one * (0.96 + random() * 0.1),
  )
  const bounds = [resolve, resolve + tocs, resolve + tocs + prefetch]
  const timeline: [number, number][] = [[resolve, moved.resolve.bytes]]
  let bytes = moved.resolve.bytes + moved.tocs.bytes
  timeline.push([bounds[1] ?? 0, bytes])
  const spread = (from: number, span: number, all: number) => {
    const before = bytes
    for (let step = 1; step <= 60; step++) {
      bytes = before + Math.floor((all * step) / 60)
      timeline.push([from + (span * step) / 60, bytes])
    }
  }
  spread(bounds[1] ?? 0, prefetch, moved.prefetch.bytes)
  spread((bounds[2] ?? 0) + create, ready, moved.ready.bytes)
  return {
    arm,
    round,
    phases: { resolve, tocs, prefetch, create, ready },
    traffic: moved,
    timeline,
    after: { ms: 0, bytes: 0, requests: 0 },
    unpack,
  }
}

export interface MaterialOptions {
  readonly files?: number
  readonly samples?: number
  /** names to put among the files, touched and in the zone */
  readonly names?: readonly string[]
  /** files of the zone with at least so many bytes have only an eighth ahead; none by default */
  readonly splitFrom?: number
}

export function makeMaterial({ files = 6000, samples = 5, names = [], splitFrom }: MaterialOptions = {}): {
  trace: Trace
  bench: Bench
} {
  random = randomFrom(SEED) // however often it is called in a process
  const rows = makeFiles(files, splitFrom).concat(names.map((name): BenchFile => [name, 2, 5000, 2000, 1]))
  const layers = LAYER_SIZES.map((size, layer) => {
    const own = rows.filter((row) => row[1] === layer && row[4] === 1)
    return {
      digest: `sha256:${String(layer).repeat(64)}`,
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      size,
      estargz: true,
      zoneBytes: own.reduce((sum, row) => sum + row[3], 0),
      zoneFiles: own.length,
      tocBytes: 200_000,
    }
  })
  const image = (reference: string) => ({
    reference,
    digest: `sha256:${'ab'.repeat(32)}`,
    platform: 'linux/amd64',
    layers,
  })
  const bench: Bench = {
    version: 1,
    tool: 'headstart 0.1.0',
    startedAt: '2026-03-04T10:20:30.000Z',
    interrupted: false,
    link: { name: 'wan', bitsPerSecond: 100_000_000, roundTripMs: 10 },
    machine: {
      cpu: 'Example CPU at 2.4 GHz',
      cores: 2,
      memoryBytes: 8_000_000_000,
      system: 'Debian GNU/Linux 12',
      kernel: '6.1.0',
    },
    versions: { headstart: '0.1.0', node: '24.21.0' },
    readiness: 'log matches /Running on/',
    command:
      'headstart bench registry.example/team/hello-flask:1 registry.example/team/hello-flask:1-esgz --link wan',
    warmups: 1,
    pageCacheDropped: true,
    images: {
      original: image('registry.example/team/hello-flask:1'),
      optimized: { ...image('registry.example/team/hello-flask:1-esgz'), files: rows },
    },
    arms: [
      { id: 'legacy', kind: 'legacy', image: 'original', runtime: 'builtin' },
      { id: 'lazy', kind: 'lazy', image: 'original', runtime: 'builtin' },
      { id: 'optimized', kind: 'optimized', image: 'optimized', runtime: 'builtin' },
    ],
    samples: SHAPES.flatMap((shape) =>
      Array.from({ length: samples }, (_, round) => makeSample(shape, round)),
    ),
  }
  return { bench, trace: makeTrace(rows) }
}

function makeTrace(rows: readonly BenchFile[]): Trace {
  const touched = rows.filter((row) => row[4] === 1 || (row[3] > 0 && random() < 0.004))
  const files = touched.map(([path, , size], order): Trace['files'][number] => {
    const firstOpenMs = (order / touched.length) ** 1.4 * 850 + random() * 4
    const unread = random() < 0.02
    return {
      path,
      type: 'reg',
      size,
      order,
      firstOpenMs,
      ...(!unread && { firstReadMs: firstOpenMs + random() ** 3 * 40 }),
      opens: 1,
      ranges: unread ? [] : [[0, random() < 0.2 ? Math.ceil(size / 4) : size]],
      afterReady: false,
    }
  })
  return {
    version: 1,
    tool: 'headstart 0.1.0',
    image: {
      reference: 'registry.example/team/hello-flask:1',
      digest: `sha256:${'ab'.repeat(32)}`,
      platform: 'linux/amd64',
      diffIds: [],
      bytes: rows.reduce((sum, row) => sum + row[2], 0),
      files: rows.length,
    },
    run: {
      engine: 'runc',
      command: ['python3', '/app/server.py'],
      readaheadKiB: 128,
      startedAt: '2026-03-04T10:00:00.000Z',
      ready: { by: 'log', ms: 880 },
      durationMs: 1000,
      runs: 1,
    },
    lookups: { found: 4000, missing: 2100, listings: 90 },
    files,
  }
}
