/** The page's first section. */
import { expect, test } from 'vitest'
import { renderReport } from '../../../../report/page/render.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'
import { useBrowser } from '../in-browser.ts'

const show = useBrowser()
const material = makeMaterial()
const report = renderReport(material)

test('the answer comes first, in a sentence and three numbers', async () => {
  await using shown = await show(report)
  expect(await shown.page.locator('h1').textContent()).toMatch(
    /^hello-flask:1 starts \d\.\d× faster when it is pulled lazily\.$/,
  )
  expect(await shown.page.locator('.tile dd').allTextContents()).toEqual([
    expect.stringMatching(/^2\.\d\d\ss$/),
    expect.stringMatching(/^13\.\d\sMB$/),
    'Convert it',
  ])
})

test('a page that says no says it first', async () => {
  const samples = material.bench.samples.map((sample) =>
    sample.arm === 'legacy' ? sample : { ...sample, phases: { ...sample.phases, ready: 30_000 } },
  )
  await using shown = await show(renderReport({ bench: { ...material.bench, samples } }))
  expect(await shown.page.locator('h1').textContent()).toMatch(/^hello-flask:1 starts \d\.\d× slower/)
  expect(await shown.page.locator('.tile dd').last().textContent()).toBe('Don’t convert')
  expect(await shown.page.locator('.tile dt').last().textContent()).toMatch(
    /pulling the whole image is faster/,
  )
  const color = (selector: string) =>
    shown.page.evaluate(`getComputedStyle(document.querySelector(${JSON.stringify(selector)})).color`)
  expect(await color('h1 data')).toBe(await color('.dont dd'))
  expect(shown.complaints).toEqual([])
})

test('the sentence fits what was measured', () => {
  const { bench } = material
  const sentenceOf = (changes: Partial<typeof bench>) =>
    /<h1[^>]*>(.*?)<\/h1>/
      .exec(renderReport({ bench: { ...bench, ...changes } }))?.[1]
      ?.replace(/<[^>]*>/g, '')
  const scaled = (by: Record<string, number>) =>
    bench.samples.map((sample) => ({
      ...sample,
      phases: { ...sample.phases, ready: sample.phases.ready * (by[sample.arm] ?? 1) },
    }))
  expect(sentenceOf({ samples: bench.samples.filter(({ arm }) => arm !== 'legacy') })).toMatch(
    /starts 2\.\d× faster with a zone than without\.$/,
  )
  expect(sentenceOf({ samples: scaled({ optimized: 9 }) })).toMatch(
    /starts 2\.\d× faster when it is pulled lazily, without a zone\.$/,
  )
  expect(sentenceOf({ samples: bench.samples.filter(({ round }) => round === 0) })).toMatch(
    /seems to start \d\.\d× faster/,
  )
  const nearly = bench.samples.flatMap((sample) => {
    const { prefetch } = sample.phases
    const close = { ...sample, arm: 'optimized', phases: { ...sample.phases, prefetch: prefetch * 0.92 } }
    return sample.arm === 'legacy' ? [sample, close] : []
  })
  expect(sentenceOf({ samples: nearly })).toMatch(/starts 7\.\d\s% faster when it is pulled lazily\.$/)
})
