/**
 * `npm run bench:page`: the report of images with 1,000 to 100,000 files: its size, and the time until a browser has loaded and drawn it.
 * Sizes take turns; medians are printed with the limits. Exit status 1 if the largest page exceeds a limit.
 */

import { median } from '../../report/bench/stats.ts'
import { textTable } from '../../report/bench/text-table.ts'
import { renderReport } from '../../report/page/render.ts'
import { launch, show } from '../support/browser.ts'
import { makeMaterial } from '../support/material.ts'
import { roundsOr } from '../support/measure.ts'

const ROUNDS = roundsOr(7)
const COUNTS = [1000, 10_000, 100_000]
const MAX_BYTES = 1_000_000
const MAX_MS = 1000

interface Page {
  readonly files: number
  readonly html: string
  readonly times: number[]
}

const pages = COUNTS.map((files): Page => ({ files, html: renderReport(makeMaterial({ files })), times: [] }))

await using stack = new AsyncDisposableStack()
const browser = await launch()
stack.defer(() => browser.close())
for (let round = 0; round < ROUNDS; round++)
  for (const { html, times } of pages) {
    await using shown = await show(browser, html)
    times.push(Number(await shown.page.evaluate('document.documentElement.dataset.drawn')))
  }

const rows = pages.map(({ files, html, times }) => [
  files.toLocaleString('en'),
  `${(Buffer.byteLength(html) / 1000).toFixed(0)} kB`,
  `${median(times)} ms`,
  `${Math.min(...times)} – ${Math.max(...times)} ms`,
])
rows.push(['allowed', `${MAX_BYTES / 1000} kB`, `${MAX_MS} ms`, ''])
for (const line of textTable(['files', 'page', 'drawn', `of ${ROUNDS}`], rows)) console.log(line)

const largest = pages.at(-1)
if (!largest || Buffer.byteLength(largest.html) > MAX_BYTES || median(largest.times) > MAX_MS)
  process.exitCode = 1
