/** The table of files. */
import { describe, expect, test } from 'vitest'
import { renderReport } from '../../../../report/page/render.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'
import { until } from '../../../../scripts/support/until.ts'
import { useBrowser } from '../in-browser.ts'

const show = useBrowser()
const material = makeMaterial()
const report = renderReport(material)

describe('the table', () => {
  test('searches, filters, sorts, and scrolls with only the rows in sight in the document', async () => {
    await using shown = await show(report)
    const { page } = shown
    const count = page.locator('#table-count')
    const paths = () => page.locator('#table tbody th').allTextContents()
    expect(await count.textContent()).toMatch(/^6,000 of 6,000 files/)
    expect(await page.locator('#table tbody tr').count()).toBeLessThan(60)

    await page.locator('#search').fill('WERKZEUG/core_')
    const found = await paths()
    expect(found.length).toBeGreaterThan(3)
    expect(found.every((path) => path.includes('/werkzeug/core_'))).toBe(true)

    await page.locator('#search').fill('')
    await page.locator('#state').selectOption('never')
    await page.locator('#layer').selectOption('0')
    await page.getByRole('button', { name: 'Size' }).click()
    const sizes = await page.locator('#table tbody td:nth-child(3)').allTextContents()
    expect(sizes[0]).toMatch(/[GM]B/)
    await page.getByRole('button', { name: 'Size' }).click()
    expect(await page.locator('#table th[aria-sort]').getAttribute('aria-sort')).toBe('ascending')
    expect((await page.locator('#table tbody td:nth-child(3)').allTextContents())[0]).toMatch(/\sB$/)

    await page.locator('#table-scroll').evaluate((box) => box.scrollTo(0, box.scrollHeight))
    const last = page.locator('#table tbody td:nth-child(3)').last()
    await until('its end is shown', async () => /MB/.test((await last.textContent()) ?? ''))
    expect(shown.complaints).toEqual([])
  })

  test('copies what it shows as CSV', async () => {
    await using shown = await show(report, { permissions: ['clipboard-read', 'clipboard-write'] })
    const { page } = shown
    await page.locator('#search').fill('/app/')
    await page.locator('#state').selectOption('zone')
    // It says so for two seconds, in which nobody may look.
    await page.evaluate(`(() => {
      const button = [...document.querySelectorAll('button')].find((each) => each.textContent === 'Copy as CSV')
      new MutationObserver((_, observer) => {
        button.dataset.said = button.textContent
        observer.disconnect()
      }).observe(button, { childList: true })
    })()`)
    await page.getByRole('button', { name: 'Copy as CSV' }).click()
    await page.locator('[data-said="Copied"]').waitFor()
    const lines = String(await page.evaluate('navigator.clipboard.readText()'))
      .trim()
      .split(/\r?\n/)
    expect(lines[0]).toBe('path,layer,size,read,first_open_ms,first_read_ms,state')
    expect(lines.length).toBeGreaterThan(5)
    expect(lines.slice(1).every((line) => line.startsWith('/app/') && line.endsWith(',zone'))).toBe(true)
  })
})
