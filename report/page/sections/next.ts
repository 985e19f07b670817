/** What to do next, right after the verdict. */
import type { Verdict } from '../../bench/verdict.ts'
import { type Html, html } from '../html.ts'
import type { Material } from '../model/model.ts'
import { nextSteps, type Step } from '../model/next.ts'
import { words } from './parts.ts'

/** @param sections the ids of those that the page has: only they are linked */
export function nextSection(material: Material, verdict: Verdict, sections: ReadonlySet<string>): Html {
  const item = ({ text, command, section }: Step) =>
    html`<li><p>${text}${section !== undefined && sections.has(section) && html` <a href="#${section}">More about that</a>`}</p>${command !== undefined && html`<code>${words(command)}</code>`}</li>`
  return html`<section id="next" aria-labelledby="next-title"><h2 id="next-title">What to do next</h2>
<ol class="steps">${nextSteps(material, verdict).map(item)}</ol></section>`
}
