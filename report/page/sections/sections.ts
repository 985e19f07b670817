/** The sections between, as HTML: all that can be said in text is text already; charts and the table come to life in the client. */
import type { ArmSummary } from '../../bench/summary.ts'
import { counted, type Html, html, join, num } from '../html.ts'
import { armLabel, type Material, type Model } from '../model/model.ts'
import { findWaste, folderWaste, packageWaste, type WasteGroup } from '../model/waste.ts'
import { PHASE_LABELS, PHASE_NAMES } from '../shared/data.ts'
import { showPath } from '../shared/format.ts'
import { faster } from './answer.ts'

const plot = (id: string, label: string, size = ''): Html =>
  html`<div class="plot ${size}"><canvas id="${id}" role="img" aria-label="${label}"></canvas></div>`

const legend = (items: readonly (readonly [className: string, label: string])[]): Html =>
  html`<ul class="legend">${items.map(([className, label]) => html`<li><i class="key ${className}"></i>${label}</li>`)}</ul>`

function difference({ against }: ArmSummary): Html {
  if (!against) return html`–`
  if (against.verdict === 'unknown') return html`too few samples`
  if (against.verdict === 'none') return html`no difference`
  return faster(1 / against.ratio)
}

/** One sample spans nothing. */
const intervalOf = ({ total: { samples, interval } }: ArmSummary): Html =>
  samples.length > 1 ? html`${num('ms', interval.low)} – ${num('ms', interval.high)}` : html`–`

const armRow = (summary: ArmSummary): Html =>
  html`<tr><th scope="row">${armLabel(summary.arm)}</th><td>${num('ms', summary.total.median)}</td><td>${intervalOf(summary)}</td><td>${num('ms', summary.total.p95)}</td><td>${num('count', summary.total.samples.length)}</td>${PHASE_NAMES.map((phase) => html`<td>${num('ms', summary.phases[phase])}</td>`)}<td>${num('bytes', summary.bytes.median)}</td><td>${num('count', summary.requests.median)}</td><td>${difference(summary)}</td></tr>`

function armTable(model: Model): Html {
  const heads = [
    'Median',
    '95 % interval',
    'p95',
    'Samples',
    ...PHASE_LABELS,
    'Bytes',
    'Requests',
    'Against full pull',
  ]
  return html`<details class="figures"><summary>All figures</summary><div class="wide" tabindex="0" role="region" aria-label="All figures"><table><thead><tr><th scope="col">Arm</th>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>${model.summaries.map(armRow)}</tbody></table></div></details>`
}

export function startSection(model: Model): Html {
  if (model.summaries.length === 0) return html``
  const spoken = model.summaries
    .map(({ arm, total }) => `${armLabel(arm)}: ${(total.median / 1000).toFixed(2)} seconds`)
    .join('; ')
  return html`<section id="start" aria-labelledby="start-title"><h2 id="start-title">Pull and start</h2>
<p class="lead">From an empty machine until the container is ready, medians by phase. Every dot is one sample; the bracket is the median’s 95 % interval.</p>
${legend(PHASE_NAMES.map((name, index) => [name, PHASE_LABELS[index] ?? name]))}${plot('start-chart', `Stacked bars of pull and start. ${spoken}`, `arms-${Math.min(6, model.summaries.length)}`)}${armTable(model)}</section>`
}

export function bytesSection(model: Model): Html {
  if (model.summaries.length === 0) return html``
  const spoken = model.summaries
    .map(({ arm, bytes }) => `${armLabel(arm)}: ${(bytes.median / 1e6).toFixed(1)} megabytes`)
    .join('; ')
  return html`<section id="bytes" aria-labelledby="bytes-title"><h2 id="bytes-title">Bytes until ready</h2>
<p class="lead">What had come through the link by when, in the sample nearest to each arm’s median. A line ends where the container is ready.</p>
<ul class="legend">${model.summaries.map(({ arm, total, bytes }) => html`<li><i class="key ${arm.kind}"></i>${armLabel(arm)} <b>${num('ms', total.median)}, ${num('bytes', bytes.median)}</b></li>`)}</ul>${plot('bytes-chart', `Lines of bytes over time. Fetched before ready: ${spoken}`)}${afterNote(model)}</section>`
}

/** A start may be over while the rest of the image still comes. */
function afterNote({ summaries }: Model): Html {
  const watched = summaries.flatMap(({ arm, after }) =>
    after && arm.kind !== 'legacy' && arm.runtime !== 'builtin'
      ? [
          html`${armLabel(arm)} ${num('bytes', after.bytes)} (${counted(after.requests, 'request')} in ${num('ms', after.ms)})`,
        ]
      : [],
  )
  const isBuiltin = summaries.some(({ arm }) => arm.kind !== 'legacy' && arm.runtime === 'builtin')
  if (watched.length === 0 && !isBuiltin) return html``
  return html`<p class="note">After ready: ${join(watched, ', ')}${watched.length > 0 && isBuiltin && '; '}${isBuiltin && 'the built-in mount fetches nothing in the background; a snapshotter goes on with the rest of the image'}.</p>`
}

const slider = (id: string, label: string, min: number, max: number, step: number, value: number): Html =>
  html`<div class="slider"><label for="${id}">${label}</label><output id="${id}-out" for="${id}"></output><input type="range" id="${id}" min="${min}" max="${max}" step="${step}" value="${value}"></div>`

export function whatIfSection(model: Model): Html {
  const { links } = model.data
  const [link] = links
  if (!link || model.summaries.length === 0) return html``
  const intro = html`<section id="what-if" aria-labelledby="what-if-title"><h2 id="what-if-title">What if the link were another?</h2>`
  if (link.bitsPerSecond === null)
    return html`${intro}<p class="lead">The link was not shaped, so what it took can’t be told from what the machine took. Measure with <code>--link wan</code> to get a prediction here.</p></section>`
  return html`${intro}
<p class="lead">A model fitted to the samples${links.length > 1 && html` of ${num('count', links.length)} links`}, not a measurement: bytes over bandwidth, round trips times latency, and the local work that no link changes.</p>
<div class="lab"><div class="sliders">${slider('bandwidth', 'Bandwidth', 0, 80, 1, 40)}${slider('latency', 'Round trip', 0, 200, 1, link.roundTripMs)}${slider('pulls', 'Machines pulling at once', 1, 50, 1, 1)}<div class="presets">${links.length > 1 && html`<span>As measured:</span>`}${links.map((one, index) => html`<button type="button" data-link="${index}">${links.length > 1 ? one.name : 'As measured'}</button>`)}</div></div>
<div class="predictions"><div id="predictions" role="status" aria-live="polite"></div><p class="note"><i class="key hatched"></i>predicted <i class="key solid"></i>measured</p></div></div>
<div id="crossing" class="crossing"></div><p id="model-error" class="note"></p></section>`
}

export function mapSection(model: Model): Html {
  if (model.layers.length === 0 || !model.files.some((file) => file.layer >= 0)) return html``
  const zone = model.layers.reduce((sum, layer) => sum + layer.zoneBytes, 0)
  const size = model.layers.reduce((sum, layer) => sum + layer.size, 0)
  return html`<section id="map" aria-labelledby="map-title"><h2 id="map-title">The image, to scale</h2>
<p class="lead">Each column is a layer, base first; areas are compressed bytes. The zone is ${num('bytes', zone)}, ${num('percent', zone / Math.max(1, size))} of ${num('bytes', size)}.</p>
<ul class="legend" id="map-legend"></ul>
<div class="plot map" id="image-map" tabindex="0" role="application" aria-roledescription="map" aria-label="Map of the image’s files. Arrow keys go from file to file, largest first." aria-describedby="map-readout"><canvas aria-hidden="true"></canvas></div>
<p id="map-readout" class="readout" role="status" aria-live="polite">Point at a file, or walk through them with the arrow keys.</p></section>`
}

export function accessSection({ trace }: Material): Html {
  if (!trace || trace.files.length === 0) return html``
  return html`<section id="accesses" aria-labelledby="accesses-title"><h2 id="accesses-title">The start, file by file</h2>
<p class="lead">${num('count', trace.files.length)} files in the order they were first opened; a bar runs from the open to the first read. Drag to zoom into a span, or use + − ← → and 0.</p>
<ul class="legend" id="waterfall-legend"></ul>
<div class="plot tall" id="waterfall" tabindex="0" role="application" aria-roledescription="chart" aria-label="Waterfall of file accesses. Up and down go from file to file, plus and minus zoom, 0 shows all." aria-describedby="waterfall-readout"><canvas aria-hidden="true"></canvas></div>
<p id="waterfall-readout" class="readout" role="status" aria-live="polite">Point at a bar, or walk through them with ↑ and ↓.</p></section>`
}

const option = (value: string | number, label: string): Html =>
  html`<option value="${value}">${label}</option>`

/** What the table can be narrowed to, as far as the zone and the accesses are known. */
function statesOf({ layers, data }: Model): (readonly [state: string, label: string])[] {
  const read = layers.length > 0 ? 'Read, not in the zone' : 'Read'
  return [
    ...(layers.length > 0 ? [['zone', 'In the zone'] as const] : []),
    ...(data.traced
      ? ([
          ['demand', read],
          ['part', 'Read in part'],
          ['opened', 'Opened, not read'],
        ] as const)
      : []),
    ['never', data.traced ? 'Never touched' : 'Not in the zone'],
  ]
}

export function tableSection(model: Model): Html {
  if (model.files.length === 0) return html``
  const layers = [...new Set(model.files.map((file) => file.layer))]
    .filter((layer) => layer >= 0)
    .sort((a, b) => a - b)
  const states = statesOf(model)
  return html`<section id="files" aria-labelledby="files-title"><h2 id="files-title">Files</h2>
<div class="tools"><label class="grow"><span>Search</span><input type="search" id="search" autocomplete="off" spellcheck="false" placeholder="Part of a path"></label><label><span>Show</span><select id="state">${option('', 'All files')}${states.map(([state, label]) => option(state, label))}</select></label><label><span>Layer</span><select id="layer">${option('', 'All layers')}${layers.map((layer) => option(layer, `Layer ${layer + 1}`))}</select></label><button type="button" id="copy">Copy as CSV</button></div>
<p class="note" id="table-count" role="status" aria-live="polite"></p>
<div class="table" id="table-scroll" tabindex="0" role="region" aria-label="List of files"><table id="table" class="list"><thead></thead><tbody></tbody></table></div></section>`
}

function wasteTable(groups: readonly WasteGroup[], head: string): Html {
  if (groups.length === 0) return html``
  const isPacked = groups.some(({ packed }) => packed > 0)
  const weight = ({ packed, size }: WasteGroup) => (isPacked ? packed : size)
  const most = Math.max(...groups.map(weight), 1)
  const row = (group: WasteGroup) =>
    html`<tr><th scope="row">${group.group}</th><td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="${((weight(group) / most) * 100).toFixed(1)}" height="8"/></svg></td>${isPacked && html`<td class="packed">${num('bytes', group.packed)}</td>`}<td>${num('bytes', group.size)}</td><td>${num('count', group.files)}</td></tr>`
  return html`<table class="waste"><thead><tr><th scope="col">${head}</th><td></td>${isPacked && html`<th scope="col" class="packed">Compressed</th>`}<th scope="col">Unpacked</th><th scope="col">Files</th></tr></thead><tbody>${groups.map(row)}</tbody></table>`
}

/** The package managers' own lists where the trace has them; else what paths tell. */
export function wasteSection({ trace }: Material, model: Model): Html {
  const byPath = model.data.traced
    ? findWaste(
        model.files.filter((file) => file.layer >= 0),
        12,
      )
    : []
  const packages = packageWaste(trace, 12)
  const folders = byPath.length > 0 ? byPath : folderWaste(trace, 12)
  if (packages.length + folders.length === 0) return html``
  return html`<section id="waste" aria-labelledby="waste-title"><h2 id="waste-title">Never read</h2>
<p class="lead">The largest packages and folders of which the start read nothing. It may need them later; if nothing ever does, the image could be without.</p>
${wasteTable(packages, 'Package')}${wasteTable(folders, 'Folder')}</section>`
}

/** What an audit of the zone found. */
export function auditSection({ bench }: Material): Html {
  const audit = bench?.audit
  if (!audit) return html``
  const requests = audit.onDemand.reduce((sum, file) => sum + file.requests, 0)
  const unused = audit.unused
    .slice(0, 8)
    .map(([path, bytes]) => [path, html`${num('bytes', bytes)}`] as const)
  const lacking = audit.onDemand
    .slice(0, 8)
    .map(
      (file) => [file.path, html`${counted(file.requests, 'request')}, ${num('bytes', file.bytes)}`] as const,
    )
  const list = (rows: readonly (readonly [string, Html])[], title: string) =>
    rows.length > 0 &&
    html`<div><h3>${title}</h3><ul class="findings">${rows.map(([path, what]) => html`<li><code>${showPath(path)}</code><span>${what}</span></li>`)}</ul></div>`
  return html`<section id="audit" aria-labelledby="audit-title"><h2 id="audit-title">The zone, audited</h2>
<p class="lead">One more start, recorded. Of the zone’s ${num('bytes', audit.zoneBytes)}, ${num('bytes', audit.unusedBytes)} (${num('percent', audit.unusedBytes / Math.max(1, audit.zoneBytes))}) were not read; ${counted(audit.onDemand.length, 'file')} outside it ${audit.onDemand.length === 1 ? 'was' : 'were'}, with ${counted(requests, 'request')}.</p>
<div class="pair">${list(unused, 'Ahead, not read')}${list(lacking, 'Read, not ahead')}</div></section>`
}
