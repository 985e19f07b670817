/** The plan on its own: who owns a file, what the model makes of it, what a person can say about it. */
import { expect, test } from 'vitest'
import { DEFAULT_OPTIONS, type OptimizeOptions } from '../../../optimizer/options.ts'
import { chunkSizes, SMALL_CHUNK_BYTES } from '../../../optimizer/plan/chunking.ts'
import { costsOf, decodeAheadMs, decodeMs } from '../../../optimizer/plan/cost.ts'
import type { PlanEntry, PlanLayer } from '../../../optimizer/plan/layer.ts'
import { orderLayer } from '../../../optimizer/plan/order.ts'
import { planImage } from '../../../optimizer/plan/plan.ts'
import { touchedChunks } from '../../../optimizer/plan/startup.ts'
import { read } from '../support.ts'

type Entry = PlanEntry & { readonly digest?: string }
const reg = (path: string, size = 1000, digest?: string): Entry => ({
  path,
  type: 'reg',
  size,
  ...(digest && { digest }),
})
const other = (path: string, type: string, linkPath?: string): Entry => ({ path, type, size: 0, linkPath })
const CHUNK = 100_000

/** Half of every byte is left after compression. */
const layer = (...entries: Entry[]): PlanLayer<Entry> => ({
  entries,
  digestOf: ({ digest }) => digest,
  storedChunks: ({ size }) =>
    Array.from({ length: Math.ceil(size / CHUNK) }, (_, index) => {
      const length = Math.min(CHUNK, size - index * CHUNK)
      return { fileOffset: index * CHUNK, size: length, stored: length / 2 }
    }),
})
const plan = (
  layers: PlanLayer<Entry>[],
  startup: ReturnType<typeof read>[],
  options: Partial<OptimizeOptions> = {},
) => planImage(layers, startup, { ...DEFAULT_OPTIONS, ...options })
const placements = (result: ReturnType<typeof plan>) =>
  result.decisions.map(({ path, placement }) => `${path} ${placement}`)

test('a file goes into the zone of the layer that owns it, in access order; a shadowed copy and a hidden one never do', () => {
  const result = plan(
    [
      layer(reg('a'), reg('b'), reg('gone'), reg('opaque/x')),
      layer(reg('a'), other('.wh.gone', 'reg'), other('opaque/.wh..wh..opq', 'reg'), reg('c')),
    ],
    [read('c'), read('b'), read('a'), read('gone'), read('opaque/x')],
  )
  expect(result.layers.map(({ zone }) => zone)).toEqual([['b'], ['c', 'a']])
  expect(result.missing.map(({ path }) => path)).toEqual(['gone', 'opaque/x'])
  expect(result.coverage).toBeCloseTo(3 / 5)
})

test('opened but not read stays in place; read after ready comes first after the zone; links go into it', () => {
  const result = plan(
    [layer(reg('opened'), reg('late'), reg('file'), other('link', 'symlink'), other('dir', 'dir'))],
    [
      read('opened', { read: false }),
      read('late', { afterReady: true }),
      read('link', { read: false }),
      read('file'),
      read('dir'),
    ],
  )
  expect(placements(result)).toEqual(['opened in-place', 'late after-zone', 'link zone', 'file zone'])
  expect(result.layers[0]).toEqual({ zone: ['link', 'file'], afterZone: ['late'], hot: new Map() })
  expect(result.missing).toEqual([{ path: 'dir', reason: 'no file' }])
})

test('devices and fifos that were touched go into the zone, as hardlinks to them do; they make none alone', () => {
  const specials = [
    other('null', 'char'),
    other('disk', 'block'),
    other('pipe', 'fifo'),
    other('same', 'hardlink', 'pipe'),
  ]
  const names = ['null', 'disk', 'pipe', 'same']
  const starts = names.map((path) => read(path, { read: false }))
  const [alone] = plan([layer(...specials, reg('file'))], starts).layers
  expect(alone?.zone).toEqual([])
  const result = plan([layer(...specials, reg('file'))], [...starts, read('file')])
  expect(result.layers[0]?.zone).toEqual([...names, 'file'])
  expect(result.missing).toEqual([])
})

test('links and empty files alone make no zone: a request would fetch nothing that is not known', () => {
  const result = plan(
    [layer(other('bin', 'symlink'), reg('empty', 0)), layer(other('lib', 'symlink'), reg('file'))],
    [read('bin'), read('empty'), read('lib'), read('file')],
  )
  expect(result.layers.map(({ zone }) => zone)).toEqual([[], ['lib', 'file']])
  expect(placements(result)).toEqual(['bin in-place', 'empty in-place', 'lib zone', 'file zone'])
})

test('a large file read in a few places stays in place, unless everything is wanted', () => {
  const library = read('lib', {
    size: 20e6,
    ranges: [
      [0, 4096],
      [5e6, 5e6 + 4096],
    ],
  })
  const result = plan([layer(reg('lib', 20e6), reg('small'))], [library, read('small')])
  expect(placements(result)).toEqual(['lib in-place', 'small zone'])
  const [decision] = result.decisions
  // 10 MB at 12.5 kB/ms; two requests of 10 ms and 2 MiB each, which is what the runtime takes for any chunk.
  expect(decision).toMatchObject({
    bytes: 10e6,
    prefetchMs: 800 + decodeAheadMs(20e6, 200),
    onDemandMs: 2 * 10 + (4 << 20) / 12_500 + decodeMs(200_000, 2),
  })
  const exact = { network: { mbitPerSecond: 100, latencyMs: 10 } }
  const [alone] = plan([layer(reg('lib', 20e6))], [library], exact).decisions
  expect(alone).toMatchObject({ onDemandMs: 2 * 10 + 8 + decodeMs(200_000, 2) }) // a chunk of 50 kB each
  expect(placements(plan([layer(reg('lib', 20e6))], [library], { prioritize: 'all' }))).toEqual(['lib zone'])
  const slow = { network: { mbitPerSecond: 1000, latencyMs: 300 } }
  expect(placements(plan([layer(reg('lib', 20e6))], [library], slow))).toEqual(['lib zone'])
})

test('a file that is read whole always pays: its bytes come either way', () => {
  const { prefetchMs, onDemandMs } = costsOf(layer().storedChunks(reg('x', 1e6)), 1e6, read('x'), {
    mbitPerSecond: 10,
    latencyMs: 1,
  })
  // ten requests saved, and a core more to decode
  expect(onDemandMs - prefetchMs).toBeCloseTo(10 + decodeMs(1e6, 10) - decodeAheadMs(1e6, 10))
})

test('what a runtime has read of a file is not fetched again', () => {
  const network = { mbitPerSecond: 100, latencyMs: 10, readBytes: 125_000 }
  const chunks = layer().storedChunks(reg('x', 1e6))
  const at = (...ranges: [number, number][]) =>
    costsOf(chunks, 1e6, read('x', { size: 1e6, ranges }), network).onDemandMs -
    decodeMs(ranges.length * 100_000, ranges.length)
  expect(at([0, 1])).toBeCloseTo(10 + 10)
  expect(at([0, 1], [150_000, 150_001])).toBeCloseTo(10 + 10) // 75 to 100 kB of the blob: it was read ahead
  expect(at([0, 1], [250_000, 250_001])).toBeCloseTo(20 + 10 + 8) // 100 to 150 kB: 225 kB in all
  expect(at([950_000, 950_001])).toBeCloseTo(10 + 4) // the end of the file is the end of it
})

test('max-zone, include and exclude override the model', () => {
  const layers = [layer(reg('a', 1000), reg('b', 3000), reg('c', 1000), reg('never', 100), reg('lib/x.so'))]
  const startup = [read('a'), read('b'), read('c')]
  expect(placements(plan(layers, startup, { maxZone: 1200 }))).toEqual(['a zone', 'b after-zone', 'c zone'])
  const byHand = plan(layers, startup, { include: ['never', 'lib/*.so'], exclude: ['b'] })
  expect(placements(byHand)).toEqual(['a zone', 'b in-place', 'c zone', 'never zone', 'lib/x.so zone'])
  expect(byHand.zoneBytes).toBe(500 + 500 + 50 + 500)
})

test('globs see names with a dot, and may begin with a slash', () => {
  const layers = [layer(reg('app/.env'), reg('app/.git/x'), reg('app/y'), reg('etc/z'))]
  expect(placements(plan(layers, [], { include: ['app/**'] }))).toHaveLength(3)
  expect(placements(plan(layers, [], { include: ['/app/.git/*'] }))).toEqual(['app/.git/x zone'])
  const both = plan(layers, [], { include: ['**/.env', '{etc,opt}/z'] })
  expect(placements(both).sort()).toEqual(['app/.env zone', 'etc/z zone'])
})

test('a hardlink brings the file it means, in whichever layer; the content counts once', () => {
  const result = plan(
    [
      layer(reg('below', 2000)),
      layer(reg('file', 2000), other('link', 'hardlink', 'file'), other('far', 'hardlink', 'below')),
    ],
    [read('link'), read('file'), read('far')],
  )
  expect(result.layers.map(({ zone }) => zone)).toEqual([['below'], ['file', 'link', 'far']])
  expect(result.zoneBytes).toBe(2000)
})

test('a file that moved since the trace is found by its content', () => {
  const result = plan(
    [layer(reg('usr/lib/python3.12/os.py', 100, 'sha256:a'))],
    [
      read('usr/lib/python3.11/os.py', { digest: 'sha256:a' }),
      read('usr/lib/python3.11/gone.py', { digest: 'sha256:b' }),
    ],
  )
  expect(result.layers[0]?.zone).toEqual(['usr/lib/python3.12/os.py'])
  expect(result.decisions[0]?.reason).toContain('was at usr/lib/python3.11/os.py')
  expect(result.coverage).toBe(0.5)
})

test('names of any bytes are found by their text form', () => {
  const result = plan([layer(reg('\xff%'), reg('\xc3\xa9'))], [read('%FF%25'), read('é')])
  expect(result.layers[0]?.zone).toEqual(['\xff%', '\xc3\xa9'])
})

test('a file and the directory that replaces it stay: together they hide the directory below', () => {
  const entries = [
    { path: 'd', type: 'reg' },
    { path: 'x', type: 'reg' },
    { path: 'd', type: 'dir' },
    { path: 'd/in', type: 'reg' },
  ]
  const { zone, rest } = orderLayer(entries, ['d/in', 'x'], [])
  expect(zone.map(({ path }) => path)).toEqual(['x'])
  expect(rest.map(({ path, type }) => `${type} ${path}`)).toEqual(['reg d', 'dir d', 'reg d/in'])
})

test('an order takes what a file needs along, before it, once', () => {
  const entries = [
    other('', 'dir'),
    other('a', 'dir'),
    other('a/b', 'dir'),
    reg('a/b/target'),
    other('a/b/.wh.old', 'reg'),
    other('link', 'hardlink', 'a/b/target'),
    reg('a/b/old'),
    reg('rest'),
  ]
  const { zone, rest } = orderLayer(entries, ['link', 'a/b/old', 'a/b/target', 'none'], ['rest'])
  expect(zone.map(({ path }) => path)).toEqual([
    '',
    'a',
    'a/b',
    'a/b/target',
    'link',
    'a/b/.wh.old',
    'a/b/old',
  ])
  expect(rest.map(({ path }) => path)).toEqual(['rest'])
})

test('a hardlink chain without end is no trap', () => {
  const chain = Array.from({ length: 50_000 }, (_, index) => other(`l${index + 1}`, 'hardlink', `l${index}`))
  const ring = [other('x', 'hardlink', 'y'), other('y', 'hardlink', 'x')]
  expect(orderLayer([reg('l0'), ...chain], ['l50000'], []).zone).toHaveLength(50_001)
  expect(orderLayer(ring, ['x'], []).zone.length + orderLayer(ring, ['x'], []).rest.length).toBe(2)
})

test('which chunks ranges touch', () => {
  expect(
    touchedChunks(
      [
        [0, 1],
        [99, 101],
        [250, 260],
      ],
      255,
      100,
    ),
  ).toEqual([0, 1, 2])
  expect(touchedChunks([[300, 400]], 200, 100)).toEqual([])
  expect(touchedChunks([[0, 1000]], 250, 100)).toEqual([0, 1, 2])
})

test('small chunks for large files that are read in a few places', () => {
  const sizes = chunkSizes(
    [
      read('few', { ranges: [[0, 100]], size: 50e6 }),
      read('all', { size: 50e6 }),
      read('%FFfew', { ranges: [[0, 1]] }),
    ],
    DEFAULT_OPTIONS,
  )
  expect(sizes({ path: 'few', size: 50e6 })).toBe(SMALL_CHUNK_BYTES)
  expect(sizes({ path: '\xfffew', size: 50e6 })).toBe(SMALL_CHUNK_BYTES)
  expect(sizes({ path: 'all', size: 50e6 })).toBe(4 << 20)
  expect(sizes({ path: 'few', size: 100_000 })).toBe(4 << 20)
  expect(sizes({ path: 'unknown', size: 50e6 })).toBe(4 << 20)
})
