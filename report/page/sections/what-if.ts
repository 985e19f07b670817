/** The prediction for other links. */
import { type Html, html, num } from '../html.ts'
import type { Material, Model } from '../model/model.ts'
import type { PageLink } from '../shared/data.ts'
import { linkName } from './parts.ts'

interface Slider {
  readonly id: string
  readonly label: string
  readonly min: number
  readonly max: number
  readonly value: number
}

const slider = ({ id, label, min, max, value }: Slider): Html =>
  html`<div class="slider"><label for="${id}">${label}</label><output id="${id}-out" for="${id}"></output><input type="range" id="${id}" min="${min}" max="${max}" step="1" value="${value}"></div>`

/** The bandwidth's slider has steps on a logarithmic scale, see the client. */
const slidersFor = ({ roundTripMs }: PageLink): readonly Slider[] => [
  { id: 'bandwidth', label: 'Bandwidth', min: 0, max: 80, value: 40 },
  { id: 'latency', label: 'Round trip', min: 0, max: 200, value: roundTripMs },
  { id: 'pulls', label: 'Machines pulling at once', min: 1, max: 50, value: 1 },
]

export function whatIfSection({ bench }: Material, model: Model): Html {
  const machine = bench?.machine
  const { links } = model.data
  const [link] = links
  if (!link || model.summaries.length === 0) return html``
  const intro = html`<section id="what-if" aria-labelledby="what-if-title"><h2 id="what-if-title">What if the link were different?</h2>`
  if (link.bitsPerSecond === null)
    return html`${intro}<p class="lead">The link was not shaped, so its share of the time can’t be told from the machine’s. Measure with <code>--link wan</code> to get a prediction here.</p></section>`
  return html`${intro}
<p class="lead">Not a measurement, but a model fitted to the samples${links.length > 1 && html` of ${num('count', links.length)} links`}: bytes divided by bandwidth, round trips times latency, and local work that does not depend on the link.</p>
<div class="lab"><div class="sliders">${slidersFor(link).map(slider)}<div class="presets">${links.length > 1 && html`<span>As measured:</span>`}${links.map((one, index) => html`<button type="button" data-link="${index}">${links.length > 1 ? linkName(one) : 'As measured'}</button>`)}</div></div>
<div class="predictions"><p class="caution" id="faster-link" hidden>This link is faster than any that was measured. What remains is mostly work of the machine that measured${machine && html` (${machine.cpu}, ${num('count', machine.cores)} cores)`}: a faster machine takes less, and what was hidden behind the transfer shows.</p><div id="predictions" role="status" aria-live="polite"></div><p class="note"><i class="key hatched"></i>predicted <i class="key work"></i>of it, the machine’s work <i class="key solid"></i>measured</p></div></div>
<div id="crossing" class="crossing"></div><p id="model-error" class="note"></p></section>`
}
