/** What an audit of the zone found. */
import { counted, type Html, html, num } from '../html.ts'
import type { Material } from '../model/model.ts'
import { showPath } from '../shared/format.ts'

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
<p class="lead">One more start was recorded. Of the zone’s ${num('bytes', audit.zoneBytes)}, ${num('bytes', audit.unusedBytes)} (${num('percent', audit.unusedBytes / Math.max(1, audit.zoneBytes))}) were not read; ${counted(audit.onDemand.length, 'file')} outside it ${audit.onDemand.length === 1 ? 'was' : 'were'} fetched on demand, with ${counted(requests, 'request')}.</p>
<div class="pair">${list(unused, 'In the zone, not read')}${list(lacking, 'Read, not in the zone')}</div></section>`
}
