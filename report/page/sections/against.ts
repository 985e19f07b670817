/** This measurement beside an earlier one of the same arms. */
import { baselineDoubts } from '../../bench/budget.ts'
import { compare } from '../../bench/stats.ts'
import { type ArmSummary, summarize } from '../../bench/summary.ts'
import { differenceOf } from '../../bench/verdict.ts'
import { type Html, html, num } from '../html.ts'
import { armLabel, type Material, type Model } from '../model/model.ts'
import { differenceCell } from './parts.ts'

export function againstSection({ bench, against }: Material, model: Model): Html {
  if (!bench || !against) return html``
  const before = new Map(summarize(against).map((summary) => [summary.arm.id, summary]))
  const rows = model.summaries.flatMap((now) => {
    const old = before.get(now.arm.id)
    return old ? [row(now, old)] : []
  })
  const intro = html`<section id="against" aria-labelledby="against-title"><h2 id="against-title">Compared with the earlier measurement</h2>`
  if (rows.length === 0)
    return html`${intro}<p class="lead">The measurement of ${num('date', Date.parse(against.startedAt))} has none of these arms.</p></section>`
  const doubts = baselineDoubts(bench, against)
  return html`${intro}
<p class="lead">Medians of each arm, next to those measured on ${num('date', Date.parse(against.startedAt))}.${doubts.length > 0 && html` <strong>They are hardly comparable: ${doubts.join('; ')}.</strong>`}</p>
<div class="wide" tabindex="0" role="region" aria-label="Each arm, before and now"><table><thead><tr><th scope="col">Arm</th><th scope="col">Before</th><th scope="col">Now</th><th scope="col" class="left">Difference</th><th scope="col">Bytes before</th><th scope="col">Bytes now</th><th scope="col">Requests before</th><th scope="col">Requests now</th></tr></thead><tbody>${rows}</tbody></table></div></section>`
}

const row = (now: ArmSummary, old: ArmSummary): Html =>
  html`<tr><th scope="row">${armLabel(now.arm)}</th><td>${num('ms', old.total.median)}</td><td>${num('ms', now.total.median)}</td><td class="left">${differenceCell(differenceOf(compare(now.total.samples, old.total.samples)))}</td><td>${num('bytes', old.bytes.median)}</td><td>${num('bytes', now.bytes.median)}</td><td>${num('count', old.requests.median)}</td><td>${num('count', now.requests.median)}</td></tr>`
