/** The start, file by file. */
import { type Html, html, num } from '../html.ts'
import type { Material } from '../model/model.ts'

export function accessSection({ trace }: Material): Html {
  if (!trace || trace.files.length === 0) return html``
  const first = trace.files.reduce((least, { firstOpenMs }) => Math.min(least, firstOpenMs), Infinity)
  return html`<section id="accesses" aria-labelledby="accesses-title"><h2 id="accesses-title">The start, file by file</h2>
<p class="lead">${num('count', trace.files.length)} files in the order they were first opened; a bar runs from the open to the first read. Times count from the container’s start; the first file was opened ${num('ms', first)} after it. Drag to zoom in, or use + − ← → and 0.</p>
<ul class="legend" id="waterfall-legend"></ul>
<div class="plot tall" id="waterfall" tabindex="0" role="application" aria-roledescription="chart" aria-label="Waterfall of file accesses. Up and down move from file to file, plus and minus zoom, 0 shows everything." aria-describedby="waterfall-readout"><canvas aria-hidden="true"></canvas></div>
<p id="waterfall-readout" class="readout" role="status" aria-live="polite">Point at a bar, or move through the files with ↑ and ↓.</p></section>`
}
