/** The verdict on converting an image, and that every place says the same. */
import { describe, expect, test } from 'vitest'
import { conclude } from '../../../report/bench/conclusion.ts'
import { formats } from '../../../report/bench/formats/index.ts'
import { armRows } from '../../../report/bench/formats/rows.ts'
import { summarize } from '../../../report/bench/summary.ts'
import { judge } from '../../../report/bench/verdict.ts'
import { headlineText } from '../../../report/bench/verdict-text.ts'
import { renderFleet } from '../../../report/page/fleet.ts'
import { renderReport } from '../../../report/page/render.ts'
import { makeMaterial } from '../../../scripts/support/material.ts'

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

  /** a measurement with these times to ready */
  const measured = (legacy: readonly number[], optimized: readonly number[]) => {
    const { bench } = makeMaterial({ files: 50, samples: 1 })
    const arms = bench.arms.filter(({ kind }) => kind !== 'lazy')
    const samples = Object.entries({ legacy, optimized }).flatMap(([arm, times]) => {
      const sample = bench.samples.find((one) => one.arm === arm)
      return times.flatMap((ms, round) =>
        sample
          ? [{ ...sample, round, phases: { resolve: 0, tocs: 0, prefetch: 0, create: 0, ready: ms } }]
          : [],
      )
    })
    return { ...bench, arms, samples }
  }

  /** everything that says how the two differ */
  const places = (bench: ReturnType<typeof measured>) => ({
    command: headlineText(judge(summarize(bench))),
    row: armRows(summarize(bench)).at(-1)?.at(-1),
    page: /<h1[^>]*>(.*?)<\/h1>/.exec(renderReport({ bench }))?.[1]?.replace(/<[^>]*>/g, ''),
    cells: [...renderReport({ bench }).matchAll(/<td>([^<]*(?:<data[^>]*>[^<]*<\/data>)?[^<]*)<\/td><\/tr>/g)]
      .map(([, cell = '']) => cell.replace(/<[^>]*>/g, ''))
      .find((cell) => /faster|slower|no difference/.test(cell)),
    fleet: /<td class="verdict[^>]*>([^<]*)/.exec(renderFleet([{ href: undefined, bench }]))?.[1],
    markdown: formats.markdown(conclude(bench)).split('\n')[0],
  })

  test('two samples are too few to be sure, and every place says so, with what was seen', () => {
    const said = places(measured([12_900, 12_960], [1600, 2620]))
    expect(said.command).toBe(
      'Too few samples to be sure: the optimized image seems to start 6.1 times faster, 2.11 s instead of 12.93 s.',
    )
    expect(said.row).toBe('too few samples to be sure (6.1x faster)')
    expect(said.page).toMatch(/^Too few samples to be sure: hello-flask:1 seems to start 6\.1× faster/)
    expect(said.cells).toBe('too few samples to be sure (6.1× faster)')
    expect(said.fleet).toBe('Too few samples to be sure')
    expect(said.markdown).toMatch(/^\*\*Too few samples to be sure: .* 6\.1 times faster/)
  })

  test('that no difference was found is not that there is none', () => {
    const unsure = places(measured([1000, 1300, 1150], [980, 1250, 1180]))
    expect(unsure.command).toMatch(/^Too few samples to be sure: /)
    const none = places(measured([1000, 1010, 990, 1005], [1001, 995, 1012, 1004]))
    expect(none.command).toBe(
      'The optimized image starts neither faster nor slower: 1.00 s instead of 1.00 s.',
    )
    expect([none.row, none.cells]).toEqual(['no difference', 'no difference'])
    expect(none.page).toMatch(/^hello-flask:1 does not start faster/)
    expect(none.fleet).toBe('Don’t convert')
  })

  test('says how many samples would settle it, and what they cost, unless that is out of reach', () => {
    const verdictOf = (legacy: number[], optimized: number[]) => judge(summarize(measured(legacy, optimized)))
    expect(verdictOf([12_900, 12_960], [1600, 2620])).toMatchObject({
      decision: 'unclear',
      more: { samples: 5, ms: 5 * (12_930 + 2110) },
      reason: 'Two samples can’t tell chance from a difference.',
    })
    // However clear it seems to be.
    expect(verdictOf([12_900, 12_910], [2900, 2910])).toMatchObject({ decision: 'unclear' })
    expect(verdictOf([10_000], [2000]).more).toEqual({ samples: 5, ms: 60_000 })
    const never = verdictOf([1000, 2000, 1500], [1000, 2100, 1550])
    expect(never).toMatchObject({ decision: 'unclear', more: undefined })
    expect(never.reason).toMatch(/even 20 of each would hardly tell/)
    expect(verdictOf([10_000, 10_100, 10_200], [2000, 2010, 2020]).more).toBeUndefined()
  })

  test('the command says what the page says where the zone does harm, too', () => {
    const { bench } = makeMaterial({ files: 50 })
    const samples = bench.samples.map((sample) =>
      sample.arm === 'optimized' ? { ...sample, phases: { ...sample.phases, ready: 30_000 } } : sample,
    )
    expect(headlineText(judge(summarize({ ...bench, samples })))).toMatch(
      /^The image, pulled lazily without a zone, starts 2\.\d times faster: 5/,
    )
  })

  test('one sample is no verdict, and without a full pull there is none', () => {
    const { bench } = makeMaterial({ files: 50, samples: 1 })
    expect(judge(summarize(bench)).decision).toBe('unclear')
    expect(judge(summarize({ ...bench, samples: bench.samples.slice(1) })).decision).toBe('unmeasured')
    expect(headlineText(judge([]))).toBeUndefined()
  })
})
