/** What several sections of the page are made of. */
import { type Html, html, num } from '../html.ts'

/** A gain below this is told in percent, not as a factor. */
const TIMES_FROM = 1.1

/** @param ratio of the times before and after; above 1 it became faster */
export function faster(ratio: number): Html {
  const [by, word] = ratio >= 1 ? [ratio, 'faster'] : [1 / ratio, 'slower']
  return by >= TIMES_FROM
    ? html`${num('times', by)} ${word}`
    : html`${num('percent', ratio >= 1 ? 1 - 1 / ratio : 1 / ratio - 1)} ${word}`
}

/** A chart's canvas. @param size a class that sets its height */
export const plot = (id: string, label: string, size = ''): Html =>
  html`<div class="plot ${size}"><canvas id="${id}" role="img" aria-label="${label}"></canvas></div>`

export const legend = (items: readonly (readonly [className: string, label: string])[]): Html =>
  html`<ul class="legend">${items.map(([className, label]) => html`<li><i class="key ${className}"></i>${label}</li>`)}</ul>`
