/** Several images on one page. */
import { expect, test } from 'vitest'
import { renderFleet } from '../../../report/page/fleet.ts'
import { keepScreenshot } from '../../../scripts/support/browser.ts'
import { makeMaterial } from '../../../scripts/support/material.ts'
import { axe, useBrowser } from './in-browser.ts'

const show = useBrowser()
const material = makeMaterial()

test('a fleet of images: verdicts, links only to pages beside it, and sorting', async () => {
  const bad = { ...material.bench, samples: material.bench.samples.filter(({ arm }) => arm !== 'optimized') }
  const page = renderFleet([
    { href: 'reports/one.html', bench: material.bench },
    { href: 'javascript:window.hacked=1', bench: bad },
    { href: undefined, trace: material.trace },
  ])
  await using shown = await show(page)
  expect(await shown.page.locator('h1').textContent()).toBe('1 of 3 images is worth converting.')
  expect(
    await shown.page.locator('a').evaluateAll((all) => all.map((one) => one.getAttribute('href'))),
  ).toEqual(['reports/one.html'])
  expect(await shown.page.locator('tbody .verdict').allTextContents()).toEqual([
    'Convert it',
    'No verdict',
    'Not measured',
  ])
  // On a narrow screen no figure is hidden at the side.
  await using narrow = await show(page, { viewport: { width: 360, height: 740 } })
  expect(
    await narrow.page.evaluate(
      'document.querySelector(".wide").scrollWidth - document.querySelector(".wide").clientWidth',
    ),
  ).toBe(0)
  await keepScreenshot(narrow.page, 'fleet-narrow')
  expect(await axe(narrow.page)).toEqual([])
  await shown.page.getByRole('button', { name: 'Faster' }).click()
  expect((await shown.page.locator('tbody .verdict').allTextContents()).at(-1)).toBe('Convert it')
  await keepScreenshot(shown.page, 'fleet')
  expect(await axe(shown.page)).toEqual([])
  expect(shown.complaints).toEqual([])
})
