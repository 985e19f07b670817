/** What several sections of the page are made of. */
import { CUSTOM_LINK } from '../../bench/link/presets.ts'
import { type Difference, TOO_FEW } from '../../bench/verdict.ts'
import { amountOf } from '../../bench/verdict-text.ts'
import { type Html, html, join, num } from '../html.ts'
import type { PageLink } from '../shared/data.ts'

/** For a cell of a table, and within a sentence: the number as the page shows it, unless there is none. */
export function amount(difference: Difference): Html {
  const { unit, value } = amountOf(difference)
  return html`${num(unit, value)} ${difference.how}`
}

/** For a cell of a table. */
export function differenceCell(difference: Difference): Html {
  if (difference.how === 'none') return html`no difference`
  return difference.isSure ? amount(difference) : html`${TOO_FEW} (${amount(difference)})`
}

/** A link's name in a few words: a preset's own, or its figures. */
export const linkName = ({ name, bitsPerSecond, roundTripMs }: PageLink): Html =>
  name !== CUSTOM_LINK
    ? html`${name}`
    : html`${bitsPerSecond !== null && num('rate', bitsPerSecond)}${bitsPerSecond !== null && ', '}${num('ms', roundTripMs)}`

/** A command: lines break between arguments, not after hyphens. */
export const words = (command: string): Html =>
  join(
    command.split(' ').map((word) => html`<span class="word">${word}</span>`),
    ' ',
  )

/** A chart's canvas. @param size a class that sets its height */
export const plot = (id: string, label: string, size = ''): Html =>
  html`<div class="plot ${size}"><canvas id="${id}" role="img" aria-label="${label}"></canvas></div>`

export const legend = (items: readonly (readonly [className: string, label: string])[]): Html =>
  html`<ul class="legend">${items.map(([className, label]) => html`<li><i class="key ${className}"></i>${label}</li>`)}</ul>`
