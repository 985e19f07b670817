/** Pull and start: the chart by phases, and all figures as a table. */
import type { ArmSummary } from '../../bench/summary.ts'
import { differenceOf } from '../../bench/verdict.ts'
import { type Html, html, num } from '../html.ts'
import { armLabel, type Model } from '../model/model.ts'
import { PHASE_LABELS, PHASE_NAMES } from '../shared/data.ts'
import { differenceCell, legend, plot } from './parts.ts'

export function startSection(model: Model): Html {
  if (model.summaries.length === 0) return html``
  const spoken = model.summaries
    .map(({ arm, total }) => `${armLabel(arm)}: ${(total.median / 1000).toFixed(2)} seconds`)
    .join('; ')
  return html`<section id="start" aria-labelledby="start-title"><h2 id="start-title">Pull and start</h2>
<p class="lead">From a machine without the image until the container is ready: medians by phase. Each dot is one sample; the bracket is the 95 % interval of the median.</p>
${legend(PHASE_NAMES.map((name, index) => [name, PHASE_LABELS[index] ?? name]))}${plot('start-chart', `Stacked bars of pull and start. ${spoken}`, `arms-${Math.min(6, model.summaries.length)}`)}${armTable(model)}</section>`
}

function armTable(model: Model): Html {
  const heads = [
    'Median',
    '95 % interval',
    'p95',
    'Samples',
    ...PHASE_LABELS,
    'Bytes',
    'Requests',
    'vs full pull',
  ]
  return html`<details class="figures"><summary>All figures</summary><div class="wide" tabindex="0" role="region" aria-label="All figures"><table><thead><tr><th scope="col">Arm</th>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>${model.summaries.map(armRow)}</tbody></table></div></details>`
}

const armRow = (summary: ArmSummary): Html =>
  html`<tr><th scope="row">${armLabel(summary.arm)}</th><td>${num('ms', summary.total.median)}</td><td>${intervalOf(summary)}</td><td>${num('ms', summary.total.p95)}</td><td>${num('count', summary.total.samples.length)}</td>${PHASE_NAMES.map((phase) => html`<td>${num('ms', summary.phases[phase])}</td>`)}<td>${num('bytes', summary.bytes.median)}</td><td>${num('count', summary.requests.median)}</td><td>${difference(summary)}</td></tr>`

const difference = ({ against }: ArmSummary): Html =>
  against ? differenceCell(differenceOf(against)) : html`–`

/** One sample has no interval. */
const intervalOf = ({ total: { samples, interval } }: ArmSummary): Html =>
  samples.length > 1 ? html`${num('ms', interval.low)} – ${num('ms', interval.high)}` : html`–`
