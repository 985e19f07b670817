/** The page's first section: the result, in one sentence and three numbers. */
import { compare } from '../../bench/stats.ts'
import type { ArmSummary } from '../../bench/summary.ts'
import { counted, type Html, html, num } from '../html.ts'
import { type Material, type Model, titleOf } from '../model/model.ts'
import { judge } from '../model/verdict.ts'
import { faster } from './parts.ts'

const byKind = (model: Model, kind: string): ArmSummary | undefined =>
  model.summaries.find(({ arm }) => arm.kind === kind)

const readBytes = ({ trace }: Material): number =>
  (trace?.files ?? []).reduce(
    (sum, { ranges }) => sum + ranges.reduce((bytes, [start, end]) => bytes + end - start, 0),
    0,
  )

/**
 * The image that the sentence is about, and what it is compared with: the optimized image with the full pull; if the zone does harm, the
 * one without; if no full pull was measured, the two with each other.
 */
function comparisonOf(model: Model) {
  const [legacy, lazy, optimized] = [
    byKind(model, 'legacy'),
    byKind(model, 'lazy'),
    byKind(model, 'optimized'),
  ]
  const isPlain = judge(model.summaries).decision === 'plain'
  const [base, subject] = [legacy ?? lazy, isPlain ? lazy : optimized]
  if (!base || !subject) return undefined
  return {
    base,
    subject,
    ratio: base.total.median / subject.total.median,
    verdict: compare(subject.total.samples, base.total.samples).verdict,
    is: legacy ? `when it is pulled lazily${isPlain ? ', without a zone' : ''}` : 'with a zone than without',
  }
}

function sentence(material: Material, model: Model): Html {
  const name = html`<span class="name">${titleOf(material)}</span>`
  const compared = comparisonOf(model)
  if (compared) {
    const { ratio, verdict, is } = compared
    const { decision } = judge(model.summaries)
    if (verdict === 'none' && decision !== 'unclear') return html`${name} does not start faster ${is}.`
    const isSure = verdict === 'less' || verdict === 'more'
    return html`${name} ${isSure ? 'starts' : 'seems to start'} ${faster(ratio)} ${is}.`
  }
  const { trace } = material
  if (trace && trace.image.bytes > 0)
    return html`To start, ${name} reads ${num('bytes', readBytes(material))}: ${num('percent', readBytes(material) / trace.image.bytes)} of what it ships.`
  const only = model.summaries[0]
  return only
    ? html`${name} is ready after ${num('ms', only.total.median)}.`
    : html`${name} has not been measured yet.`
}

const tile = (value: Html, label: Html | string, className = ''): Html =>
  html`<div class="tile ${className}"><dt>${label}</dt><dd>${value}</dd></div>`

function tiles(material: Material, model: Model): Html {
  const compared = comparisonOf(model)
  const verdict = judge(model.summaries)
  const last = tile(html`${verdict.title}`, verdict.reason, verdict.decision)
  if (compared) {
    const { base, subject } = compared
    const { interval, samples } = subject.total
    const what = base.arm.kind === 'legacy' ? 'a full pull' : 'a start without a zone'
    return html`<dl class="tiles">${tile(
      num('ms', subject.total.median),
      html`from nothing to ready, instead of ${num('ms', base.total.median)}${base.arm.kind !== 'legacy' && ' without a zone'}. ${samples.length > 1 && html`95 % interval ${num('ms', interval.low)} to ${num('ms', interval.high)}, `}${counted(samples.length, 'sample')}`,
    )}${tile(
      num('bytes', subject.bytes.median),
      html`fetched before ready: ${num('percent', subject.bytes.median / Math.max(1, base.bytes.median))} of the ${num('bytes', base.bytes.median)} that ${what} fetches`,
    )}${last}</dl>`
  }
  const { trace } = material
  if (!trace) return html`<dl class="tiles">${last}</dl>`
  return html`<dl class="tiles">${tile(
    num('percent', readBytes(material) / Math.max(1, trace.image.bytes)),
    html`of ${num('bytes', trace.image.bytes)} is read by the start`,
  )}${tile(
    num('count', trace.files.filter(({ type }) => type === 'reg').length),
    html`files opened, out of ${num('count', trace.image.files)}`,
  )}${trace.run.ready.ms === null ? last : tile(num('ms', trace.run.ready.ms), 'from the container’s start to ready, while it was recorded')}</dl>`
}

export const answer = (material: Material, model: Model): Html =>
  html`<section id="answer" class="is-${judge(model.summaries).decision}" aria-labelledby="answer-title"><h1 id="answer-title">${sentence(material, model)}</h1>${tiles(material, model)}</section>`
