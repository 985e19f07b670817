/** The sliders of the prediction. */
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { renderReport } from '../../../../report/page/render.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'
import { useBrowser } from '../in-browser.ts'

const show = useBrowser()
const material = makeMaterial()
const report = renderReport(material)

describe('what if', () => {
  const predictions = async (page: Page): Promise<Record<string, number>> =>
    Object.fromEntries(
      await page
        .locator('.prediction')
        .evaluateAll((all) =>
          all.map(
            (one) => [one.getAttribute('data-arm') ?? '', Number(one.getAttribute('data-ms'))] as const,
          ),
        ),
    )

  test('sliders move the prediction, and the measured marks show only where it was measured', async () => {
    await using shown = await show(report)
    const { page } = shown
    const before = await predictions(page)
    expect(await page.locator('.mark').count()).toBe(3)
    expect(await page.locator('.prediction').first().textContent()).toMatch(/of it the machine’s work/)
    expect(await page.locator('#faster-link').isVisible()).toBe(false)
    await page.locator('#bandwidth').fill('60')
    expect(await page.locator('#faster-link').textContent()).toMatch(
      /faster than any that was measured.*Example CPU/,
    )
    expect(await page.locator('#faster-link').isVisible()).toBe(true)
    await page.locator('#bandwidth').fill('20')
    const slower = await predictions(page)
    expect(slower.legacy).toBeGreaterThan(3 * (before.legacy ?? 0))
    expect(await page.locator('.mark').count()).toBe(0)
    await page.locator('#latency').focus()
    await page.keyboard.press('End')
    const farther = await predictions(page)
    expect(farther.lazy).toBeGreaterThan((slower.lazy ?? 0) + 90 * 150)
    await page.locator('#pulls').fill('10')
    expect((await predictions(page)).legacy).toBeGreaterThan(8 * (farther.legacy ?? 0))
    expect(await page.locator('#crossing p').textContent()).toMatch(/predicted/)
    await page.getByRole('button', { name: 'As measured' }).click()
    expect(await predictions(page)).toEqual(before)
    expect(shown.complaints).toEqual([])
  })

  test('says when the link was not shaped', async () => {
    const bench = { ...material.bench, link: { name: 'none', bitsPerSecond: null, roundTripMs: 0 } }
    await using shown = await show(renderReport({ bench }))
    expect(await shown.page.locator('#what-if').textContent()).toMatch(/not shaped/)
    expect(await shown.page.locator('#bandwidth').count()).toBe(0)
  })
})
