/** The table of contents, what to do next, and an earlier measurement beside this one. */
import { expect, test } from 'vitest'
import { renderReport } from '../../../../report/page/render.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'
import { axe, useBrowser } from '../in-browser.ts'

const show = useBrowser()
const material = makeMaterial({ files: 200 })

test('every section is named, in order, and what is named is there', async () => {
  const against = {
    ...material.bench,
    samples: material.bench.samples.map((sample) =>
      sample.arm === 'optimized'
        ? { ...sample, phases: { ...sample.phases, ready: sample.phases.ready * 9 } }
        : sample,
    ),
  }
  await using shown = await show(renderReport({ ...material, against }))
  const { page } = shown
  const linked = await page
    .locator('.contents a')
    .evaluateAll((all) => all.map((one) => one.getAttribute('href')?.slice(1)))
  expect(linked.slice(0, 3)).toEqual(['answer', 'next', 'against'])
  expect(await page.locator('main section').evaluateAll((all) => all.map(({ id }) => id))).toEqual(linked)
  expect(await page.locator('#next code').first().textContent()).toMatch(/^headstart optimize/)
  expect(await page.locator('#against tbody td.left').allTextContents()).toEqual([
    'no difference',
    'no difference',
    expect.stringMatching(/^\d\.\d× faster$/),
  ])
  expect(await axe(page)).toEqual([])
  expect(shown.complaints).toEqual([])
})
