/** Telling apart what the link saw: phases, chains of round trips, purposes; and the budgets and formats made of it. */
import { describe, expect, test } from 'vitest'
import { baselineDoubts, checkBaseline, checkBudget, parseBudget } from '../../../../report/bench/budget.ts'
import { parseBench } from '../../../../report/bench/file.ts'
import { formats } from '../../../../report/bench/formats/index.ts'
import type { LinkRequest } from '../../../../report/bench/link/link.ts'
import { pulledWhole, purposeOf, zoneSpan } from '../../../../report/bench/link/requests.ts'
import { attribute, longestChain } from '../../../../report/bench/link/traffic.ts'
import { makeMaterial } from '../../material.ts'

const request = (
  startedAt: number,
  endedAt: number | undefined,
  more: Partial<LinkRequest> = {},
): LinkRequest => ({
  method: 'GET',
  path: '/v2/x/blobs/sha256:00',
  range: undefined,
  status: 206,
  bytes: 100,
  startedAt,
  endedAt,
  connected: false,
  arrivals: [[endedAt ?? startedAt, 100]],
  ...more,
})

describe('traffic', () => {
  const digest = `sha256:${'ab'.repeat(32)}`
  const layers = [{ digest, size: 10_000, zoneEnd: 3000, tocOffset: 9000 }]
  const ends = { resolve: 1010, tocs: 1030, prefetch: 1100, create: 1110, ready: 1200 }

  test('goes to the phase of its purpose, and after ready to nobody’s', () => {
    const blob = `/v2/x/blobs/${digest}`
    const requests = [
      request(1000, 1008, { path: '/v2/x/manifests/latest' }),
      // The marks of two clocks may be off by a little: this one is a table of contents all the same.
      request(1009, 1025, {
        path: blob,
        range: 'bytes=9000-9999',
        arrivals: [
          [1020, 40],
          [1025, 60],
        ],
      }),
      request(1028, 1090, { path: blob, range: 'bytes=0-2999', arrivals: [[1099, 100]] }),
      request(1105, 1108, { path: blob, range: 'bytes=4000-4999' }),
      request(1195, 1250, {
        path: blob,
        range: 'bytes=5000-5999',
        arrivals: [
          [1199, 10],
          [1250, 90],
        ],
      }),
      request(1210, 1220, { path: blob, range: 'bytes=6000-6999' }),
    ]
    const { phases, traffic, timeline, after } = attribute(requests, { startedAt: 1000, ends }, layers, 1300)
    expect(phases).toEqual({ resolve: 10, tocs: 20, prefetch: 70, create: 10, ready: 90 })
    expect(traffic.resolve).toEqual({ bytes: 100, requests: 1, roundTrips: 1 })
    expect(traffic.tocs).toMatchObject({ bytes: 100, requests: 1 })
    expect(traffic.prefetch).toMatchObject({ bytes: 100, requests: 1 })
    expect(traffic.create).toMatchObject({ bytes: 100, requests: 1 })
    expect(traffic.ready).toMatchObject({ bytes: 10, requests: 1 })
    expect(after).toEqual({ ms: 100, bytes: 190, requests: 1 })
    expect(timeline).toEqual([
      [8, 100],
      [20, 140],
      [25, 200],
      [99, 300],
      [108, 400],
      [199, 410],
      [200, 410],
    ])
  })

  test('phases follow each other without gaps, even where the marks cross', () => {
    const { phases } = attribute([], { startedAt: 1000, ends: { ...ends, create: 1050 } }, [])
    expect(phases).toEqual({ resolve: 10, tocs: 20, prefetch: 70, create: 0, ready: 100 })
  })

  test('round trips count only where they wait for one another', () => {
    expect(longestChain([])).toBe(0)
    expect(longestChain([request(0, 10), request(0, 12), request(1, 11)])).toBe(1)
    expect(longestChain([request(0, 10), request(10, 20), request(25, 30)])).toBe(3)
    expect(longestChain([request(0, 10, { connected: true }), request(10, 20)])).toBe(3)
    // A long one beside three short ones: the short ones are the chain. One under way ends no chain.
    expect(longestChain([request(0, 100), request(0, 10), request(20, 30), request(40, undefined)])).toBe(3)
  })

  test('a request’s purpose is told by its range', () => {
    const of = (range: string | undefined, path = `/v2/x/blobs/${digest}`) =>
      purposeOf(request(0, 1, { path, range }), layers)
    expect(of(undefined, '/v2/x/manifests/latest')).toBe('resolve')
    expect(of('bytes=0-2999')).toBe('prefetch')
    expect(of('bytes=3000-4000')).toBe('onDemand')
    expect(of('bytes=-51')).toBe('toc')
    expect(of('bytes=9000-9948')).toBe('toc')
    expect(of('bytes=8000-9948')).toBe('toc')
    expect(of(undefined)).toBe('whole')
    const whole = (changes: Partial<LinkRequest>, plans = layers) =>
      pulledWhole([request(0, 1, { path: `/v2/x/blobs/${digest}`, ...changes })], plans)
    expect(whole({})).toBe(1)
    expect(whole({ method: 'HEAD', bytes: 0 })).toBe(0)
    expect(whole({ range: 'bytes=0-9999' })).toBe(0)
    expect(whole({}, [{ digest, size: 10_000, zoneEnd: 0, tocOffset: 10_000 }])).toBe(0)
    const zone = request(5, 9, { path: `/v2/x/blobs/${digest}`, range: 'bytes=0-2999' })
    expect(zoneSpan([zone, { ...zone, startedAt: 7, endedAt: undefined }], layers, 20)).toEqual({
      from: 5,
      to: 20,
    })
    expect(zoneSpan([zone], layers, 4)).toBeUndefined()
  })
})

describe('budgets', () => {
  const { bench } = makeMaterial({ files: 50 })

  test('are read with their units, and refused with an example', () => {
    expect(parseBudget('start=2s,bytes=20MB, requests=30')).toEqual([
      { metric: 'start', limit: 2000 },
      { metric: 'bytes', limit: 20_000_000 },
      { metric: 'requests', limit: 30 },
    ])
    expect(parseBudget('start=900ms')).toEqual([{ metric: 'start', limit: 900 }])
    expect(parseBudget('bytes=1MiB')).toEqual([{ metric: 'bytes', limit: 1_048_576 }])
    for (const wrong of ['start', 'start=', 'start=2MB', 'memory=3', 'bytes=1..2MB', ''])
      expect(() => parseBudget(wrong), wrong).toThrow(/is no budget/)
  })

  test('are checked on the optimized arm', () => {
    const checks = checkBudget(bench, parseBudget('start=2s,bytes=20MB,requests=30'))
    expect(checks.map(({ arm, metric, ok }) => [arm, metric, ok])).toEqual([
      ['optimized', 'start', false],
      ['optimized', 'bytes', true],
      ['optimized', 'requests', true],
    ])
  })

  test('a baseline allows so much more, and what chance would make', () => {
    const slower = (factor: number) => ({
      ...bench,
      samples: bench.samples.map((sample) => ({
        ...sample,
        phases: { ...sample.phases, ready: sample.phases.ready * factor },
      })),
    })
    expect(checkBaseline(bench, bench, 0).every(({ ok }) => ok)).toBe(true)
    const failed = checkBaseline(slower(2), bench, 0.1).filter(({ ok }) => !ok)
    expect(failed.map(({ arm, metric }) => `${arm} ${metric}`)).toEqual(['lazy start', 'optimized start'])
    const noisy = checkBaseline(slower(1.01), bench, 0)
    expect(noisy.every(({ ok }) => ok)).toBe(true)
    expect(noisy.some(({ note }) => note?.includes('chance'))).toBe(true)
    expect(baselineDoubts(bench, bench)).toEqual([])
    expect(baselineDoubts(bench, { ...bench, link: { ...bench.link, roundTripMs: 50 } })[0]).toMatch(
      /another link/,
    )
  })

  test('formats show the arms, the conditions and what was exceeded', () => {
    const checks = checkBudget(bench, parseBudget('start=2s,bytes=20MB'))
    const hostile = { ...bench, readiness: 'log matches /<b>|&"/\u0007' }
    expect(formats.text(hostile, checks)).toMatch(
      /^arm +pull +create[\s\S]*optimized .*\d\.\dx faster[\s\S]*start +optimized +2\.\d\d s +2\.00 s +EXCEEDED/,
    )
    expect(formats.text(bench, [])).not.toMatch(/EXCEEDED|limit/)
    const markdown = formats.markdown(hostile, checks)
    expect(markdown).toMatch(/\| optimized \| .*\d\.\dx faster \|/)
    expect(markdown).toMatch(/\*\*1 of 2 limits are exceeded/)
    expect(markdown).toContain('&lt;b\\>\\|&"/')
    const junit = formats.junit(hostile, checks)
    expect(junit).toMatch(/tests="5" failures="1"/)
    expect(junit).toMatch(/<failure message="2\.\d\d s, the limit is 2\.00 s"\/>/)
    expect(junit).toContain('/&lt;b&gt;|&amp;&quot;/\ufffd')
    const json: unknown = JSON.parse(formats.json(bench, checks))
    expect(json).toMatchObject({ ok: false, arms: [{ id: 'legacy', samples: 5 }, {}, { id: 'optimized' }] })
  })
})

test('what the background fetched is said arm by arm, from the samples that were watched', () => {
  const { bench } = makeMaterial({ files: 10 })
  expect(formats.text(bench, [])).toMatch(
    /^after ready: the built-in mount fetches nothing in the background$/m,
  )
  const arms = bench.arms.map((arm) => ({ ...arm, runtime: 'containerd' as const }))
  const samples = bench.samples.map((sample) =>
    sample.round === 4 && sample.arm !== 'legacy'
      ? { ...sample, after: { ms: 10_000, bytes: 7_300_000, requests: 12 } }
      : sample,
  )
  const said =
    /^after ready: lazy 7.3 MB \(12 requests in 10.00 s\), optimized 7.3 MB \(12 requests in 10.00 s\)$/m
  expect(formats.text({ ...bench, arms, samples }, [])).toMatch(said)
  expect(formats.markdown({ ...bench, arms, samples }, [])).toMatch(/after ready: lazy 7.3 MB/)
  expect(formats.text({ ...bench, arms }, [])).not.toMatch(/after ready/)
})

test('a file whose samples name no arm is refused', () => {
  const { bench } = makeMaterial({ files: 10 })
  const read = (changes: object) => () => parseBench(JSON.stringify({ ...bench, ...changes }), 'b.json')
  expect(parseBench(JSON.stringify(bench), 'b.json')).toEqual(bench)
  expect(read({ samples: [{ ...bench.samples[0], arm: 'ghost' }] })).toThrow(/unknown arm "ghost"/)
  expect(read({ images: {} })).toThrow(/"legacy" has no image/)
  expect(read({ arms: [...bench.arms, ...bench.arms] })).toThrow(/two arms/)
  expect(read({ link: { ...bench.link, roundTripMs: -1 } })).toThrow(/link.roundTripMs/)
})
