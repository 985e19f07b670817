/** What opens below a row: why the job failed, how to repeat it, and the last lines of its output. */
import { visible } from '../../../../system/text/visible.ts'
import type { LiveJob, LiveRow } from '../../shared/live.ts'
import { make } from '../dom.ts'

const paragraph = (text: string, className = 'lead'): HTMLElement => make('p', { class: className, text })

function parts(row: LiveRow, { error, log, commands }: LiveJob): HTMLElement[] {
  const target = row.target === row.source ? 'In place' : `To ${visible(row.target)}`
  return [
    ...(error === undefined ? [] : [paragraph(visible(error), 'lead bad')]),
    paragraph(target, 'note'),
    make('h3', { text: 'Repeat it by hand' }),
    make('pre', { text: commands.map(visible).join('\n'), tabindex: '0' }),
    ...(log.length === 0
      ? [paragraph('It has printed nothing.', 'note')]
      : [
          make('h3', { text: 'The last lines of its output' }),
          make('pre', { text: log.map(visible).join('\n'), tabindex: '0' }),
        ]),
  ]
}

/** Fills a cell, at once with what is known, and then with what the server says. */
export async function showDetails(cell: HTMLElement, row: LiveRow): Promise<void> {
  try {
    const answer = await fetch(`api/jobs/${encodeURIComponent(row.job)}`)
    if (!answer.ok) throw new Error((await answer.text()).trim())
    const job: LiveJob = await answer.json()
    cell.replaceChildren(...parts(row, job))
    // Of a log, its end says what happened.
    const last = [...cell.querySelectorAll('pre')].at(-1)
    if (last) last.scrollTop = last.scrollHeight
  } catch (error) {
    const why =
      error instanceof Error && !(error instanceof TypeError) ? error.message : 'the server does not answer'
    cell.replaceChildren(paragraph(`Its details can’t be shown: ${why}`, 'lead bad'))
  }
}
