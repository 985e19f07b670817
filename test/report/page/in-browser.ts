/** What tests ask of a page that a browser shows. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { launch, type Shown, show } from '../../../scripts/support/browser.ts'

/** One browser for all tests of a file. @returns shows a page in it */
export function useBrowser(): (html: string, options?: BrowserContextOptions) => Promise<Shown> {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser.close())
  return (html, options) => show(browser, html, options)
}

/** How many pixels of a canvas are not blank. */
export const inked = async (page: Page, selector: string): Promise<number> =>
  Number(
    await page.evaluate(`(() => {
      const canvas = document.querySelector(${JSON.stringify(selector)})
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
      return pixels.filter((value, index) => index % 4 === 3 && value !== 0).length
    })()`),
  )

/** The longest horizontal run of pixels of a canvas that are not blank, as a share of its width. */
export const longestRun = async (page: Page, selector: string): Promise<number> =>
  Number(
    await page.evaluate(`(() => {
      const canvas = document.querySelector(${JSON.stringify(selector)})
      const { width, height } = canvas
      const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data
      let longest = 0
      for (let y = 0; y < height; y++)
        for (let x = 0, run = 0; x < width; x++) {
          run = pixels[(y * width + x) * 4 + 3] === 0 ? 0 : run + 1
          longest = Math.max(longest, run)
        }
      return longest / width
    })()`),
  )

/** How much the page's layout shifted while it was drawn, as the browser measures it. */
export const layoutShift = async (page: Page): Promise<number> =>
  Number(
    await page.evaluate(`new Promise((resolve) => {
      let sum = 0
      new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value })
        .observe({ type: 'layout-shift', buffered: true })
      setTimeout(() => resolve(sum), 100)
    })`),
  )

/** Violations that axe finds. */
export async function axe(page: Page): Promise<string[]> {
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  await page.evaluate(source)
  const found: unknown = await page.evaluate(
    'axe.run({ resultTypes: ["violations"] }).then((r) => r.violations.map((v) => v.impact + " " + v.id + ": " + v.nodes.map((n) => n.target.join(" ") + " " + n.failureSummary).join("; ")))',
  )
  return Array.isArray(found) ? found.map(String) : ['axe gave no answer']
}
