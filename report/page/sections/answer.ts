/** The page's first section: the result, in one sentence and three numbers. */
import type { Verdict } from '../../bench/verdict.ts'
import { counted, type Html, html, num } from '../html.ts'
import { type Material, type Model, titleOf } from '../model/model.ts'
import { amount } from './parts.ts'

const readBytes = ({ trace }: Material): number =>
  (trace?.files ?? []).reduce(
    (sum, { ranges }) => sum + ranges.reduce((bytes, [start, end]) => bytes + end - start, 0),
    0,
  )

/** The same that the command says, about the image by its name. */
function sentence(material: Material, { compared, decision }: Verdict, model: Model): Html {
  const name = html`<span class="name">${titleOf(material)}</span>`
  if (compared) {
    const { base, difference } = compared
    const is =
      base.arm.kind === 'legacy'
        ? `when it is pulled lazily${decision === 'plain' ? ', without a zone' : ''}`
        : 'with a zone than without'
    if (difference.how === 'none') return html`${name} does not start faster ${is}.`
    return difference.isSure
      ? html`${name} starts ${amount(difference)} ${is}.`
      : html`Too few samples to be sure: ${name} seems to start ${amount(difference)} ${is}.`
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

function tiles(material: Material, verdict: Verdict): Html {
  const { compared } = verdict
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

export function answer(material: Material, model: Model): Html {
  const { verdict } = model
  return html`<section id="answer" class="is-${verdict.decision}" aria-labelledby="answer-title"><h1 id="answer-title">${sentence(material, verdict, model)}</h1>${tiles(material, verdict)}</section>`
}
