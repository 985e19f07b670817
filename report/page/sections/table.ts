/** The table of files and what it can be filtered by. */
import { type Html, html } from '../html.ts'
import type { Model } from '../model/model.ts'

export function tableSection(model: Model): Html {
  if (model.files.length === 0) return html``
  const layers = [...new Set(model.files.map((file) => file.layer))]
    .filter((layer) => layer >= 0)
    .sort((a, b) => a - b)
  const states = statesOf(model)
  return html`<section id="files" aria-labelledby="files-title"><h2 id="files-title">Files</h2>
<div class="tools"><label class="grow"><span>Search</span><input type="search" id="search" autocomplete="off" spellcheck="false" placeholder="Part of a path"></label><label><span>Show</span><select id="state">${option('', 'All files')}${states.map(([state, label]) => option(state, label))}</select></label><label><span>Layer</span><select id="layer">${option('', 'All layers')}${layers.map((layer) => option(layer, `Layer ${layer + 1}`))}</select></label><button type="button" id="copy">Copy as CSV</button></div>
<p class="note" id="table-count" role="status" aria-live="polite"></p>
<div class="table" id="table-scroll" tabindex="0" role="region" aria-label="List of files"><table id="table" class="list"><thead></thead><tbody></tbody></table></div></section>`
}

const option = (value: string | number, label: string): Html =>
  html`<option value="${value}">${label}</option>`

/** What the table can be filtered by, as far as the zone and the accesses are known. */
function statesOf({ layers, data }: Model): (readonly [state: string, label: string])[] {
  const read = layers.length > 0 ? 'Read, not in the zone' : 'Read'
  return [
    ...(layers.length > 0 ? [['zone', 'In the zone'] as const] : []),
    ...(data.files.zone.includes(2) ? [['ranges', 'In the zone in part'] as const] : []),
    ...(data.traced
      ? ([
          ['demand', read],
          ['part', 'Partly read'],
          ['opened', 'Opened, not read'],
        ] as const)
      : []),
    ['never', data.traced ? 'Never touched' : 'Not in the zone'],
  ]
}
