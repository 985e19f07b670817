/** The map and the waterfall, by mouse and keyboard. */
import { describe, expect, test } from 'vitest'
import { renderReport } from '../../../../report/page/render.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'
import { longestRun, useBrowser } from '../in-browser.ts'

const show = useBrowser()
const material = makeMaterial()
const report = renderReport(material)

describe('map and waterfall', () => {
  test('name a file under the mouse and under the arrow keys', async () => {
    await using shown = await show(report)
    const { page } = shown
    await page.locator('#image-map').hover({ position: { x: 300, y: 200 } })
    expect(await page.locator('#map-readout').textContent()).toMatch(
      /^\/.* compressed, .* unpacked, layer \d/,
    )
    await page.locator('#image-map').focus()
    await page.keyboard.press('ArrowRight')
    const first = await page.locator('#map-readout').textContent()
    await page.keyboard.press('ArrowRight')
    expect(await page.locator('#map-readout').textContent()).not.toBe(first)

    await page.locator('#waterfall').focus()
    await page.keyboard.press('ArrowDown')
    expect(await page.locator('#waterfall-readout').textContent()).toMatch(/^\/.* opened at \d+\sms/)
  })

  test('the waterfall begins where the start begins, however long the container took to be made', async () => {
    const [file] = material.trace.files
    if (!file) throw new Error('no file')
    const late = {
      ...material.trace,
      run: { ...material.trace.run, ready: { by: 'log' as const, ms: 31_000 }, durationMs: 31_000 },
      files: [{ ...file, order: 0, firstOpenMs: 30_000, firstReadMs: 30_500 }],
    }
    await using shown = await show(renderReport({ trace: late }))
    // Its only bar is half of what is shown; of the whole time it would be a sixtieth.
    expect(await longestRun(shown.page, '#waterfall canvas')).toBeGreaterThan(0.4)
  })

  test('the waterfall zooms by drag and by key, and back', async () => {
    await using shown = await show(report)
    const { page } = shown
    const box = page.locator('#waterfall')
    await box.scrollIntoViewIfNeeded()
    const picture = async () =>
      String(await page.evaluate(`document.querySelector('#waterfall canvas').toDataURL()`))
    const whole = await picture()
    const place = await box.boundingBox()
    await page.mouse.move((place?.x ?? 0) + 100, (place?.y ?? 0) + 100)
    await page.mouse.down()
    await page.mouse.move((place?.x ?? 0) + 300, (place?.y ?? 0) + 100)
    await page.mouse.up()
    const zoomed = await picture()
    expect(zoomed).not.toBe(whole)
    await box.press('+')
    expect(await picture()).not.toBe(zoomed)
    await box.press('0')
    await page.mouse.move(0, 0)
    expect(await picture()).toBe(whole)
    expect(shown.complaints).toEqual([])
  })
})
