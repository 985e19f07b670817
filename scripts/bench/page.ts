/**
 * `npm run bench:page`: the report of images of 1,000 to 100,000 files: its size, and when a browser has drawn it, from the start of its
 * loading. Sizes take turns, medians are printed beside what is allowed; status 1 where the largest is over it.
 */

import { textTable } from '../../report/bench/text-table.ts'
import { renderReport } from '../../report/page/render.ts'
import { launch, show } from '../../test/report/browser.ts'
import { makeMaterial } from '../../test/report/material.ts'

const ROUNDS = 7
const COUNTS = [1000, 10_000, 100_000]
const MOST_BYTES = 1_000_000
const MOST_MS = 1000

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

const middle = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0
const rows = pages.map(({ files, html, times }) => [
  files.toLocaleString('en'),
  `${(Buffer.byteLength(html) / 1000).toFixed(0)} kB`,
  `${middle(times)} ms`,
  `${Math.min(...times)} – ${Math.max(...times)} ms`,
])
rows.push(['allowed', `${MOST_BYTES / 1000} kB`, `${MOST_MS} ms`, ''])
console.log(textTable(['files', 'page', 'drawn', `of ${ROUNDS}`], rows))

const largest = pages.at(-1)
if (!largest || Buffer.byteLength(largest.html) > MOST_BYTES || middle(largest.times) > MOST_MS)
  process.exitCode = 1
