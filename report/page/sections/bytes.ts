/** Bytes until ready, and what was fetched in the background afterwards. */
import { counted, type Html, html, join, num } from '../html.ts'
import { armLabel, type Model } from '../model/model.ts'
import { plot } from './parts.ts'

export function bytesSection(model: Model): Html {
  if (model.summaries.length === 0) return html``
  const spoken = model.summaries
    .map(({ arm, bytes }) => `${armLabel(arm)}: ${(bytes.median / 1e6).toFixed(1)} megabytes`)
    .join('; ')
  return html`<section id="bytes" aria-labelledby="bytes-title"><h2 id="bytes-title">Bytes until ready</h2>
<p class="lead">Bytes received through the link over time, in the sample closest to the median of each arm. A line ends when the container is ready.</p>
<ul class="legend">${model.summaries.map(({ arm, total, bytes }) => html`<li><i class="key ${arm.kind}"></i>${armLabel(arm)} <b>${num('ms', total.median)}, ${num('bytes', bytes.median)}</b></li>`)}</ul>${plot('bytes-chart', `Lines of bytes over time. Fetched before ready: ${spoken}`)}${afterNote(model)}</section>`
}

/** The rest of the image may still arrive after the start is over. */
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
  return html`<p class="note">After ready: ${join(watched, ', ')}${watched.length > 0 && isBuiltin && '; '}${isBuiltin && 'the built-in mount fetches nothing in the background; a snapshotter continues with the rest of the image'}.</p>`
}
