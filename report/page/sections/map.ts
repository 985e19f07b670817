/** The image to scale. */
import { type Html, html, num } from '../html.ts'
import type { Model } from '../model/model.ts'

export function mapSection(model: Model): Html {
  if (model.layers.length === 0 || !model.files.some((file) => file.layer >= 0)) return html``
  const zone = model.layers.reduce((sum, layer) => sum + layer.zoneBytes, 0)
  const size = model.layers.reduce((sum, layer) => sum + layer.size, 0)
  return html`<section id="map" aria-labelledby="map-title"><h2 id="map-title">The image, to scale</h2>
<p class="lead">Each column is a layer, base layer first; areas are proportional to compressed bytes. The zone is ${num('bytes', zone)}, ${num('percent', zone / Math.max(1, size))} of ${num('bytes', size)}.</p>
<ul class="legend" id="map-legend"></ul>
<div class="plot map" id="image-map" tabindex="0" role="application" aria-roledescription="map" aria-label="Map of the image’s files. Arrow keys move from file to file, largest first." aria-describedby="map-readout"><canvas aria-hidden="true"></canvas></div>
<p id="map-readout" class="readout" role="status" aria-live="polite">Point at a file, or move through the files with the arrow keys.</p></section>`
}
