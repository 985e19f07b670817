/** The page's last section: how it was measured, so that others can repeat it. */

import { CUSTOM_LINK } from '../../bench/link/presets.ts'
import { counted, type Html, html, join, num } from '../html.ts'
import { armLabel, type Material, type Model } from '../model/model.ts'
import { linkName, words } from './parts.ts'

const fact = (name: string, value: Html | string): Html => html`<div><dt>${name}</dt><dd>${value}</dd></div>`

function benchFacts({ bench, elsewhere = [] }: Material): Html {
  if (!bench) return html``
  const { link, machine } = bench
  const shape =
    link.bitsPerSecond === null
      ? html`not shaped`
      : html`${num('rate', link.bitsPerSecond)}, ${num('ms', link.roundTripMs)} round trip${link.name !== CUSTOM_LINK && html` (${link.name})`}; a proxy shared by all connections, without TLS, slow start or loss`
  return html`${fact('Link', shape)}${
    elsewhere.length > 0 &&
    fact(
      'Other links',
      html`${join(
        elsewhere.map(({ link }) => linkName(link)),
        ', ',
      )}, for the prediction only`,
    )
  }${fact('Machine', html`${machine.cpu}, ${num('count', machine.cores)} cores, ${num('bytes', machine.memoryBytes)} of memory`)}${fact('System', `${machine.system}, Linux ${machine.kernel}`)}${fact(
    'Versions',
    Object.entries(bench.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  )}${bench.containerd !== undefined && fact('containerd', bench.containerd)}${fact('Ready when', bench.readiness)}${fact('Order', html`arms take turns, ${bench.warmups === 0 ? html`without warm-up` : html`after ${counted(bench.warmups, 'warm-up round')}`}; every sample starts from nothing${bench.pageCacheDropped ? ', with the page cache dropped' : '; the page cache could not be dropped'}`)}${fact('Measured', html`${num('date', Date.parse(bench.startedAt))}${bench.interrupted && ', interrupted: fewer samples than requested'}`)}${fact('Measure again', html`<code>${words(bench.command)}</code>`)}`
}

function traceFacts({ trace }: Material): Html {
  if (!trace) return html``
  return html`${fact('Recorded', html`${num('date', Date.parse(trace.run.startedAt))} on ${trace.run.engine}, ${counted(trace.run.runs, 'run')}, readahead ${num('count', trace.run.readaheadKiB)} KiB`)}${fact('Command', html`<code>${trace.run.command.join(' ')}</code>`)}${fact('Image recorded', html`<code>${trace.image.reference}</code> ${trace.image.platform}`)}`
}

/** By their keys in the file; other images have the names they were given. */
const IMAGE_LABELS: Readonly<Record<string, string>> = {
  original: 'Original',
  lazy: 'Without a zone',
  optimized: 'Optimized',
}

export function methodSection(material: Material, model: Model): Html {
  const images = Object.entries(material.bench?.images ?? {})
  const samples = model.summaries.map(
    ({ arm, total }) =>
      html`<tr><th scope="row">${armLabel(arm)}</th><td>${arm.runtime}</td><td class="left">${join(
        total.samples.map((ms) => num('ms', ms)),
        ', ',
      )}</td></tr>`,
  )
  return html`<section id="method" aria-labelledby="method-title"><h2 id="method-title">How it was measured</h2>
<dl class="facts">${benchFacts(material)}${traceFacts(material)}${images.map(([key, image]) => fact(IMAGE_LABELS[key] ?? key, html`<code>${image.reference}</code> <code class="digest">${image.digest}</code>`))}</dl>
${samples.length > 0 && html`<details class="figures"><summary>Every sample</summary><div class="wide" tabindex="0" role="region" aria-label="Every sample"><table><thead><tr><th scope="col">Arm</th><th scope="col">Runtime</th><th scope="col" class="left">To ready</th></tr></thead><tbody>${samples}</tbody></table></div></details>`}</section>`
}
