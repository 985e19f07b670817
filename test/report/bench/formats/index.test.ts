/** The formats of a result: the arms, the conditions, the limits; names that could be markup are escaped. */
import { expect, test } from 'vitest'
import { parseBudget } from '../../../../report/bench/budget.ts'
import { conclude } from '../../../../report/bench/conclusion.ts'
import { formats } from '../../../../report/bench/formats/index.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'

const { bench } = makeMaterial({ files: 50 })

test('formats show the arms, the conditions and what was exceeded', () => {
  const limits = { budget: parseBudget('start=2s,bytes=20MB'), maxRegression: 0 }
  const hostile = conclude({ ...bench, readiness: 'log matches /<b>|&"/\u0007' }, limits)
  expect(formats.text(hostile)).toMatch(
    /^arm +pull +create[\s\S]*optimized .*\d\.\dx faster[\s\S]*start +optimized +2\.\d\d s +2\.00 s +EXCEEDED/,
  )
  expect(formats.text(conclude(bench))).not.toMatch(/EXCEEDED|limit/)
  const markdown = formats.markdown(hostile)
  expect(markdown).toMatch(/\| optimized \| .*\d\.\dx faster \|/)
  expect(markdown).toMatch(/\*\*1 of 2 limits are exceeded/)
  expect(markdown).toContain('&lt;b\\>\\|&amp;"/')
  const junit = formats.junit(hostile)
  expect(junit).toMatch(/tests="5" failures="1"/)
  expect(junit).toMatch(/<failure message="2\.\d\d s, the limit is 2\.00 s"\/>/)
  expect(junit).toContain('/&lt;b&gt;|&amp;&quot;/\\u0007')
  const json: unknown = JSON.parse(formats.json(conclude(bench, limits)))
  const entries: unknown = JSON.parse(formats['benchmark-action'](conclude(bench, limits)))
  expect(entries).toHaveLength(9)
  expect(entries).toContainEqual({
    name: 'optimized: start',
    unit: 'ms',
    value: expect.any(Number),
    range: expect.stringMatching(/^\d+ to \d+$/),
  })
  expect(entries).toContainEqual({
    name: 'legacy: bytes until ready',
    unit: 'bytes',
    value: expect.any(Number),
  })
  expect(json).toMatchObject({ ok: false, arms: [{ id: 'legacy', samples: 5 }, {}, { id: 'optimized' }] })
})

test('what was fetched in the background is listed by arm, from the samples that were watched', () => {
  const { bench } = makeMaterial({ files: 10 })
  expect(formats.text(conclude(bench))).toMatch(
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
  expect(formats.text(conclude({ ...bench, arms, samples }))).toMatch(said)
  expect(formats.markdown(conclude({ ...bench, arms, samples }))).toMatch(/after ready: lazy 7.3 MB/)
  expect(formats.text(conclude({ ...bench, arms }))).not.toMatch(/after ready/)
})
