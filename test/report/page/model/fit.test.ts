/** The what-if model: fitted to made-up samples, and to measurements that were recorded. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Bench, parseBench } from '../../../../report/bench/file.ts'
import { fitArm, type MeasuredSample } from '../../../../report/page/model/fit.ts'
import { buildModel } from '../../../../report/page/model/model.ts'
import { predict, total } from '../../../../report/page/shared/predict.ts'

const link = { name: 'wan', bitsPerSecond: 80_000_000, roundTripMs: 10 }
const at = (bitsPerSecond: number, roundTripMs = 10, pulls = 1) => ({ bitsPerSecond, roundTripMs, pulls })

describe('the what-if model', () => {
  const fitOn = (...samples: MeasuredSample[]) => fitArm([{ link, samples }], undefined)
  const sample = (ms: number) => ({ phases: [{ ms, bytes: 1_000_000, roundTrips: 3 }], layers: [] })

  test('splits up a sample: 100 ms of bytes, 30 ms of round trips, the rest local', () => {
    const fit = fitOn(sample(330))
    expect(fit.phases[0]?.localMs).toBeCloseTo(200)
    expect(total(predict(fit, at(80_000_000)))).toBeCloseTo(330)
    expect(total(predict(fit, at(8_000_000)))).toBeCloseTo(1000 + 30 + 200)
    expect(total(predict(fit, at(80_000_000, 50)))).toBeCloseTo(100 + 150 + 200)
    expect(total(predict(fit, at(80_000_000, 10, 4)))).toBeCloseTo(400 + 30 + 200)
    expect(fit.error).toBeUndefined()
  })

  test('estimates its error from samples it was not fitted on', () => {
    const fit = fitOn(sample(330), sample(330), sample(363))
    expect(fit.error?.of).toBe('sample')
    expect(fit.error?.mean).toBeGreaterThan(0.02)
    expect(fit.error?.mean).toBeLessThan(0.1)
  })
})

describe('the what-if model on recorded measurements', () => {
  const names = ['lan', 'wan', 'edge'] as const
  type Name = (typeof names)[number]
  const recorded = new Map(
    names.map((name) => {
      const file = new URL(`../measured/${name}.json`, import.meta.url)
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

  test('estimates its error for a link it was not fitted on, and keeps what was measured on each link', () => {
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
