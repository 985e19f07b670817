/** The page's table of contents: it stays in sight where there is room for it. */
import { type Html, html } from '../html.ts'

export interface Section {
  readonly id: string
  /** a word or two */
  readonly label: string
  readonly html: Html
}

export const contents = (sections: readonly Section[]): Html =>
  html`<nav class="contents" aria-label="On this page"><ul><li><a href="#answer">Answer</a></li>${sections.map(({ id, label }) => html`<li><a href="#${id}">${label}</a></li>`)}</ul></nav>`
