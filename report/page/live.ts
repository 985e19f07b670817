/** The live page of a fleet: an empty frame in the look of the reports, which its program fills with what its own server answers. */
import { clientProgram } from './bundle.ts'
import { type Html, html } from './html.ts'
import { renderShell } from './render.ts'

const STATES: readonly (readonly [value: string, label: string])[] = [
  ['', 'All images'],
  ['failed', 'Failed'],
  ['running', 'Running'],
  ['waiting', 'Waiting'],
  ['done', 'Up to date'],
]

const options = (): Html[] => STATES.map(([value, label]) => html`<option value="${value}">${label}</option>`)

const tile = (id: string, what: string): Html =>
  html`<div class="tile"><dt id="${id}-text">${what}</dt><dd id="${id}">–</dd></div>`

/** @returns the whole page; it asks its server for `api/fleet` and `api/jobs/ID` */
export function renderLive(): string {
  const body = html`<a class="skip" href="#images">Skip to the images</a>
<header><span class="brand">headstart</span><span class="of">fleet</span><span id="freshness" role="status"></span></header>
<main>
<section id="answer" aria-labelledby="answer-title"><h1 id="answer-title">Asking how the fleet is doing…</h1>
<noscript><p class="lead">This page needs JavaScript. The same figures are at /api/fleet and /metrics.</p></noscript>
<dl class="tiles">${tile('gain', 'faster to start, in the median image')}${tile('bytes', 'fetched before one start of every image')}${tile('queue', 'jobs that run')}</dl>
<p class="note" id="poll"></p></section>
<section id="images" aria-labelledby="images-title"><h2 id="images-title">Images</h2>
<p class="lead">What a start of each image fetches, and how long it takes, by the model that its files were chosen by. Open a row for the log of its job and how to repeat it by hand.</p>
<div class="tools"><label class="grow"><span>Search</span><input type="search" id="search" autocomplete="off" spellcheck="false" placeholder="Part of a name, or of an error"></label><label><span>Show</span><select id="state">${options()}</select></label><label class="sort"><span>Sort by</span><select id="sort"></select></label></div>
<p class="note" id="count" role="status" aria-live="polite"></p>
<div class="wide" tabindex="0" role="region" aria-label="All images"><table class="fleet live"><thead></thead><tbody></tbody></table></div></section>
</main>
<footer>Made by headstart. This page loads nothing but what its own server knows.</footer>`
  return renderShell({
    title: 'headstart: fleet',
    body,
    data: {},
    script: clientProgram('live'),
    styles: ['live'],
    asksServer: true,
  })
}
