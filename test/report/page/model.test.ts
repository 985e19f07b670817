/** What the page says, before it is drawn: the model behind the sliders, the verdict, the map's rectangles, numbers and CSV. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Bench, parseBench } from '../../../report/bench/file.ts'
import { summarize } from '../../../report/bench/summary.ts'
import { csvOf } from '../../../report/page/client/csv.ts'
import { squarify } from '../../../report/page/client/treemap.ts'
import { html } from '../../../report/page/html.ts'
import { type FileFact, toColumns } from '../../../report/page/model/files.ts'
import { fitArm, type MeasuredSample } from '../../../report/page/model/fit.ts'
import { buildModel } from '../../../report/page/model/model.ts'
import { judge } from '../../../report/page/model/verdict.ts'
import { findWaste } from '../../../report/page/model/waste.ts'
import { format, formatTick, showPath } from '../../../report/page/shared/format.ts'
import { groupOf } from '../../../report/page/shared/groups.ts'
import { crossings, pipelineMs, predict, total } from '../../../report/page/shared/predict.ts'
import { makeMaterial } from '../material.ts'

const link = { name: 'wan', bitsPerSecond: 80_000_000, roundTripMs: 10 }
const at = (bitsPerSecond: number, roundTripMs = 10, pulls = 1) => ({ bitsPerSecond, roundTripMs, pulls })

describe('the what-if model', () => {
  const fitOn = (...samples: MeasuredSample[]) => fitArm([{ link, samples }], undefined)
  const sample = (ms: number) => ({ phases: [{ ms, bytes: 1_000_000, roundTrips: 3 }], layers: [] })

  test('takes apart what it was given: 100 ms of bytes, 30 ms of round trips, the rest local', () => {
    const fit = fitOn(sample(330))
    expect(fit.phases[0]?.localMs).toBeCloseTo(200)
    expect(total(predict(fit, at(80_000_000)))).toBeCloseTo(330)
    expect(total(predict(fit, at(8_000_000)))).toBeCloseTo(1000 + 30 + 200)
    expect(total(predict(fit, at(80_000_000, 50)))).toBeCloseTo(100 + 150 + 200)
    expect(total(predict(fit, at(80_000_000, 10, 4)))).toBeCloseTo(400 + 30 + 200)
    expect(fit.error).toBeUndefined()
  })

  test('tells its error from samples it had not seen', () => {
    const fit = fitOn(sample(330), sample(330), sample(363))
    expect(fit.error?.of).toBe('sample')
    expect(fit.error?.mean).toBeGreaterThan(0.02)
    expect(fit.error?.mean).toBeLessThan(0.1)
  })

  test('a full pull fetches and unpacks side by side: the slower of the two counts', () => {
    const layers = [1, 2, 3, 4].map(() => ({ bytes: 1_000_000, unpackMs: 500 }))
    // At 8 Mbit/s each layer takes 1 s: four of them, then the last one's unpacking.
    expect(pipelineMs(layers, at(8_000_000, 0))).toBeCloseTo(4500)
    // At 800 Mbit/s unpacking is all: 10 ms for the first layer, then 4 × 500 ms.
    expect(pipelineMs(layers, at(800_000_000, 0))).toBeCloseTo(2010)
  })

  test('finds where two arms take the same time', () => {
    const fast = fitOn({ phases: [{ ms: 1100, bytes: 1_000_000, roundTrips: 0 }], layers: [] })
    const bulky = fitOn({ phases: [{ ms: 2100, bytes: 20_000_000, roundTrips: 0 }], layers: [] })
    // 1000 + 8e9/b = 100 + 1.6e11/b (ms): b = 152e9 / 900
    const [only, ...more] = crossings(fast, bulky, at(1))
    expect(only).toBeCloseTo(152e9 / 900, -4)
    expect(more).toEqual([])
    expect(crossings(fast, fast, at(1))).toEqual([])
  })
})

describe('the what-if model on recorded measurements', () => {
  const names = ['lan', 'wan', 'edge'] as const
  type Name = (typeof names)[number]
  const recorded = new Map(
    names.map((name) => {
      const file = new URL(`measured/${name}.json`, import.meta.url)
      return [name, parseBench(readFileSync(file, 'utf8'), name)] as const
    }),
  )
  const of = (name: Name): Bench => recorded.get(name) ?? expect.fail(name)

  /** Each arm of `to`, predicted from the measurements on other links: how far off, as a share. */
  const errorsOf = (to: Name, ...from: readonly [Name, ...Name[]]): Record<string, number> => {
    const [bench, ...elsewhere] = [of(from[0]), ...from.slice(1).map(of)]
    const measured = buildModel({ bench: of(to) }, 1e6).data.arms
    const arms = buildModel({ bench, elsewhere }, 1e6).data.arms
    return Object.fromEntries(
      arms.flatMap(({ id, fit }) => {
        const seen = measured.find((arm) => arm.id === id)
        return seen ? [[id, total(predict(fit, { ...of(to).link, pulls: 1 })) / seen.median - 1]] : []
      }),
    )
  }
  const worst = (errors: Record<string, number>) => Math.max(...Object.values(errors).map(Math.abs))

  test.each<[Name, [Name, ...Name[]]]>([
    ['lan', ['wan']],
    ['edge', ['wan']],
    ['wan', ['lan']],
    ['edge', ['lan']],
    ['lan', ['edge']],
    ['wan', ['edge']],
    ['lan', ['wan', 'edge']],
    ['wan', ['lan', 'edge']],
    ['edge', ['lan', 'wan']],
  ])('is within a tenth on %s, fitted on %s', (to, from) => {
    const errors = errorsOf(to, ...from)
    expect(Object.keys(errors).length).toBeGreaterThanOrEqual(3)
    expect(worst(errors), JSON.stringify(errors)).toBeLessThan(0.1)
  })

  test('says its error of a link that it had not seen, and keeps what each link measured', () => {
    const { arms, links } = buildModel({ bench: of('wan'), elsewhere: [of('lan'), of('edge')] }, 1e6).data
    expect(links.map(({ name }) => name)).toEqual(['wan', 'lan', 'edge'])
    for (const { fit } of arms) {
      expect(fit.error?.of).toBe('link')
      expect(fit.error?.mean).toBeLessThan(0.1)
    }
    expect(arms.find(({ id }) => id === 'legacy')?.onLinks.map((ms) => ms !== null)).toEqual([
      true,
      true,
      false,
    ])
  })
})

describe('the verdict', () => {
  const withTotals = (scale: Record<string, number>) => {
    const { bench } = makeMaterial({ files: 50 })
    const samples = bench.samples.map((sample) => {
      const by = scale[sample.arm] ?? 1
      const phases = {
        ...sample.phases,
        ready: sample.phases.ready * by,
        prefetch: sample.phases.prefetch * by,
      }
      return { ...sample, phases }
    })
    return judge(summarize({ ...bench, samples }))
  }

  test.each([
    ['convert', 'Convert it', {}],
    ['dont', 'Don’t convert', { optimized: 20, lazy: 20 }],
    ['dont', 'Don’t convert', { optimized: 7.7, lazy: 3 }],
    ['marginal', 'Hardly worth it', { optimized: 7.2, lazy: 3 }],
    ['plain', 'Convert, without a zone', { optimized: 4 }],
    ['plain', 'Convert, without a zone', { optimized: 20 }],
  ] as const)('%s', (decision, title, scale) => {
    expect(withTotals(scale)).toMatchObject({ decision, title })
  })

  test('few samples far apart are none either, however large the difference', () => {
    const { bench } = makeMaterial({ files: 50, samples: 2 })
    const samples = bench.samples.map((sample) =>
      sample.arm === 'optimized' && sample.round === 0
        ? { ...sample, phases: { ...sample.phases, ready: 12_000 } }
        : sample,
    )
    const arms = bench.arms.filter(({ kind }) => kind !== 'lazy')
    expect(judge(summarize({ ...bench, arms, samples })).title).toBe('Looks worth it')
  })

  test('one sample is no verdict, and without a full pull there is none', () => {
    const { bench } = makeMaterial({ files: 50, samples: 1 })
    expect(judge(summarize(bench)).decision).toBe('unclear')
    expect(judge(summarize({ ...bench, samples: bench.samples.slice(1) })).decision).toBe('unmeasured')
  })
})

test('rectangles fill their box, in proportion, without overlap', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1e6 }), { minLength: 1, maxLength: 60 }), (numbers) => {
      const sizes = numbers.toSorted((a, b) => b - a)
      const rects = squarify(sizes, { x: 5, y: 7, width: 300, height: 200 })
      const sum = sizes.reduce((all, one) => all + one, 0)
      rects.forEach(({ width, height }, index) => {
        expect(width * height).toBeCloseTo(((sizes[index] ?? 0) / sum) * 60_000, 3)
      })
      for (const { x, y, width, height } of rects) {
        expect(x).toBeGreaterThanOrEqual(5 - 1e-6)
        expect(y).toBeGreaterThanOrEqual(7 - 1e-6)
        expect(x + width).toBeLessThanOrEqual(305 + 1e-6)
        expect(y + height).toBeLessThanOrEqual(207 + 1e-6)
      }
    }),
  )
})

const fact = (path: string, size: number, read?: number): FileFact => ({
  path,
  layer: 0,
  size,
  packed: size / 2,
  zone: false,
  read,
  openMs: read === undefined ? -1 : 1,
  readMs: read === undefined ? -1 : 2,
})

test('a list over the budget keeps what was touched, then the largest, and sums up the rest by folder', () => {
  const files = Array.from({ length: 2000 }, (_, index) =>
    fact(
      `usr/share/x${index % 7}/f${String(index).padStart(5, '0')}`,
      10 + index,
      index % 50 === 0 ? 1 : undefined,
    ),
  ).sort((a, b) => (a.path < b.path ? -1 : 1))
  const all = toColumns(files, 1e6)
  expect(all.columns.size.length).toBe(2000)
  expect(all.unlisted).toEqual([])
  const { columns, unlisted } = toColumns(files, 5000)
  const kept = columns.size.length
  expect(kept).toBeGreaterThan(100)
  expect(kept).toBeLessThan(2000)
  expect(columns.openMs.filter((ms) => ms >= 0).length).toBe(40)
  expect(unlisted.reduce((sum, [, , count]) => sum + count, 0)).toBe(2000 - kept)
  expect(unlisted.length).toBe(7)
})

test('groups are packages where there are some, folders elsewhere', () => {
  expect(groupOf('usr/lib/python3/dist-packages/numpy/core/x.so')).toBe('usr/lib/python3/dist-packages/numpy')
  expect(groupOf('app/node_modules/@scope/name/node_modules/inner/i.js')).toBe('app/node_modules/@scope/name')
  expect(groupOf('usr/share/doc/libc6/README')).toBe('usr/share/doc')
  expect(groupOf('usr/lib/python3.11/asyncio/a.py')).toBe('usr/lib/python3.11')
  expect(groupOf('usr/bin/env')).toBe('usr/bin')
  expect(groupOf('init')).toBe('/')
})

test('waste is what no file of was read', () => {
  const waste = findWaste(
    [fact('usr/bin/a', 10, 5), fact('usr/bin/b', 900), fact('opt/x/c', 50), fact('opt/y/d', 80)],
    10,
  )
  expect(waste.map(({ group, size }) => [group, size])).toEqual([
    ['/opt/y', 80],
    ['/opt/x', 50],
  ])
})

test('numbers have three digits and a unit that stays with them', () => {
  expect(format('ms', 999)).toBe('999\u00a0ms')
  expect(format('ms', 2731)).toBe('2.73\u00a0s')
  expect(format('bytes', 19_340_000)).toBe('19.3\u00a0MB')
  expect(format('bytes', 999_999)).toBe('1.00\u00a0MB')
  expect(format('percent', 0.034)).toBe('3.4\u00a0%')
  expect(format('rate', 100_000_000)).toBe('100\u00a0Mbit/s')
  expect(format('ms', 2731, 'de')).toBe('2,73\u00a0s')
  expect(format('ms', Number.NaN)).toBe('–')
  expect([0, 5000, 10_000, 12_500, 1250].map((ms) => formatTick('ms', ms))).toEqual([
    '0',
    '5\u00a0s',
    '10\u00a0s',
    '12.5\u00a0s',
    '1.25\u00a0s',
  ])
})

test('HTML, paths and CSV from an image are harmless', () => {
  expect(html`<p title="${`"'>`}">${'<b>&'}</p>`.html).toBe('<p title="&quot;&#39;&gt;">&lt;b&gt;&amp;</p>')
  expect(html`${'x\u202ey'}`.html).toBe('x\\u202ey')
  expect(showPath('a\u202eb\n')).toBe('/a\\u202eb\\n')
  expect(csvOf([['=1+1', 'a"b', 'c,d', 5]])).toBe(`'=1+1,"a""b","c,d",5\r\n`)
})

test('the page’s program is sound by the compiler', () => {
  execFileSync('node_modules/.bin/tsc', ['-p', 'report/page/client'], { encoding: 'utf8' })
})
