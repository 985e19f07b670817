/** Several images on one page: which are worth converting, what is gained, and a link to the report of each. */
import type { Trace } from '../../tracer/trace/file.ts'
import type { Bench, BenchLink } from '../bench/file.ts'
import { type ArmSummary, summarize } from '../bench/summary.ts'
import { judge, type Verdict } from '../bench/verdict.ts'
import { clientProgram } from './bundle.ts'
import { type Html, html, num } from './html.ts'
import { titleOf } from './model/model.ts'
import { renderShell } from './render.ts'
import { linkName } from './sections/parts.ts'

export interface FleetEntry {
  /** of the image's own report, relative to this page; undefined: not linked */
  readonly href: string | undefined
  readonly trace?: Trace | undefined
  readonly bench?: Bench | undefined
}

interface Row {
  readonly name: string
  readonly href: string | undefined
  readonly verdict: Verdict
  readonly link: BenchLink | undefined
  /** what the verdict is about, and the full pull; either as far as it was measured */
  readonly subject: ArmSummary | undefined
  readonly legacy: ArmSummary | undefined
}

function rowOf({ href, ...material }: FleetEntry): Row {
  const summaries = material.bench ? summarize(material.bench) : []
  const of = (kind: string) => summaries.find(({ arm }) => arm.kind === kind)
  const verdict = judge(summaries)
  return {
    name: titleOf(material),
    href,
    verdict,
    link: material.bench?.link,
    subject: verdict.compared?.subject ?? of('optimized'),
    legacy: of('legacy'),
  }
}

const gain = ({ legacy, subject }: Row): number =>
  legacy && subject ? legacy.total.median / subject.total.median : 0

/** Only paths in this folder or below are linked, so that a name can't become `javascript:` or another site. */
const isSafeLink = (href: string): boolean => /^[\w%][\w%./-]*$/.test(href) && !href.includes('..')

function cells(row: Row): Html {
  const { name, href, verdict, link, legacy, subject } = row
  const title = href !== undefined && isSafeLink(href) ? html`<a href="${href}">${name}</a>` : html`${name}`
  const ms = (arm: ArmSummary | undefined) => (arm ? num('ms', arm.total.median) : html`–`)
  const bytes = (arm: ArmSummary | undefined) => (arm ? num('bytes', arm.bytes.median) : html`–`)
  const values = [
    link ? linkName(link) : html`–`,
    gain(row) > 0 ? num('times', gain(row)) : html`–`,
    ms(subject),
    ms(legacy),
    bytes(subject),
    bytes(legacy),
  ]
  // On a narrow screen a row is a card, whose figures have their heads beside them.
  return html`<tr><th scope="row">${title}</th><td class="verdict ${verdict.decision}">${verdict.title}</td>${values.map((value, index) => html`<td${index === 0 && { html: ' class="left"' }} data-head="${HEADS[index + 2]}">${value}</td>`)}</tr>`
}

function sentence(rows: readonly Row[]): Html {
  const worth = rows.filter(
    ({ verdict }) => verdict.decision === 'convert' || verdict.decision === 'plain',
  ).length
  if (worth === rows.length) return html`All ${num('count', rows.length)} images are worth converting.`
  return html`${num('count', worth)} of ${num('count', rows.length)} images ${worth === 1 ? 'is' : 'are'} worth converting.`
}

const HEADS = ['Image', 'Verdict', 'Link', 'Faster', 'Pulled lazily', 'Full pull', 'Bytes', 'Full pull bytes']
const SORTED = HEADS.indexOf('Faster')

/** @returns the whole page */
export function renderFleet(entries: readonly FleetEntry[]): string {
  const rows = entries.map(rowOf).toSorted((a, b) => gain(b) - gain(a))
  const body = html`<header><span class="brand">headstart</span><span class="of">${num('count', rows.length)} images</span></header>
<main>
<section id="answer" aria-labelledby="answer-title"><h1 id="answer-title">${sentence(rows)}</h1></section>
<section aria-labelledby="images-title"><h2 id="images-title">Images</h2>
<p class="lead">Median times from nothing to ready, and what was fetched until then. The report of each image says how it was measured.</p>
<div class="wide" tabindex="0" role="region" aria-label="All images"><table class="fleet"><thead><tr>${HEADS.map((head, index) => html`<th scope="col"${(index === 1 || index === 2) && { html: ' class="left"' }}${index === SORTED ? { html: ' aria-sort="descending"' } : undefined}><button type="button">${head}</button></th>`)}</tr></thead><tbody>${rows.map(cells)}</tbody></table></div></section>
</main>
<footer>Made by headstart. This page loads nothing from the network.</footer>`
  return renderShell({ title: 'headstart: images', body, data: {}, script: clientProgram('fleet') })
}
