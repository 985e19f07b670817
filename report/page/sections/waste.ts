/** What the start never read, by package and folder. */
import { type Html, html, num } from '../html.ts'
import type { Material, Model } from '../model/model.ts'
import { findWaste, folderWaste, packageWaste, type WasteGroup } from '../model/waste.ts'

/** The lists of the package managers if the trace has them, else what the paths suggest. */
export function wasteSection({ trace }: Material, model: Model): Html {
  const byPath = model.data.traced
    ? findWaste(
        model.files.filter((file) => file.layer >= 0),
        12,
      )
    : []
  const packages = packageWaste(trace, 12)
  const folders = byPath.length > 0 ? byPath : folderWaste(trace, 12)
  if (packages.length + folders.length === 0) return html``
  return html`<section id="waste" aria-labelledby="waste-title"><h2 id="waste-title">Never read</h2>
<p class="lead">The largest packages and folders from which the start read nothing. They may be needed later; if not, the image could do without them.</p>
${wasteTable(packages, 'Package')}${wasteTable(folders, 'Folder')}</section>`
}

function wasteTable(groups: readonly WasteGroup[], head: string): Html {
  if (groups.length === 0) return html``
  const isPacked = groups.some(({ packed }) => packed > 0)
  const weight = ({ packed, size }: WasteGroup) => (isPacked ? packed : size)
  const most = Math.max(...groups.map(weight), 1)
  const row = (group: WasteGroup) =>
    html`<tr><th scope="row">${group.group}</th><td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="${((weight(group) / most) * 100).toFixed(1)}" height="8"/></svg></td>${isPacked && html`<td class="packed">${num('bytes', group.packed)}</td>`}<td>${num('bytes', group.size)}</td><td>${num('count', group.files)}</td></tr>`
  return html`<table class="waste"><thead><tr><th scope="col">${head}</th><td></td>${isPacked && html`<th scope="col" class="packed">Compressed</th>`}<th scope="col">Unpacked</th><th scope="col">Files</th></tr></thead><tbody>${groups.map(row)}</tbody></table>`
}
