/** The live page's program: asks its server again and again, and brings the page up to date without disturbing who reads it. */
import { visible } from '../../../system/text/visible.ts'
import { type LiveFleet, type Totals, totalsOf } from '../shared/live.ts'
import { byId, make, say } from './dom.ts'
import { ago } from './live/ago.ts'
import { startTable } from './live/table.ts'

const EVERY_MS = 5000

const show = (id: string, text: string): void => {
  const element = byId(id)
  if (element && element.textContent !== text) element.textContent = text
}

const plural = (count: number, one: string, more: string): string =>
  `${say('count', count)} ${count === 1 ? one : more}`

/** What stands out of it comes first. */
function sentence({ images, byState }: Totals): readonly [standsOut: string, rest: string] {
  const { failed, running, waiting } = byState
  const of = plural(images, 'image', 'images')
  if (images === 0) return ['', 'No image has been looked at yet.']
  if (failed > 0) return [say('count', failed), ` of ${of} failed.`]
  if (running + waiting > 0)
    return [
      '',
      `${say('count', running + waiting)} of ${of} ${running + waiting === 1 ? 'is' : 'are'} on the way.`,
    ]
  return ['', images === 1 ? 'The image is up to date.' : `All ${of} are up to date.`]
}

function headline(totals: Totals): void {
  const title = byId('answer-title')
  const [standsOut, rest] = sentence(totals)
  if (title && title.textContent !== standsOut + rest)
    title.replaceChildren(
      ...(standsOut === '' ? [] : [make('span', { class: 'bad', text: standsOut })]),
      rest,
    )
}

function summary(fleet: LiveFleet): void {
  const totals = totalsOf(fleet.rows)
  const { gain, startBytes, fullBytes } = totals
  headline(totals)
  show('gain', gain === undefined ? '–' : say('times', gain))
  show('bytes', fullBytes === 0 ? '–' : say('bytes', startBytes))
  show(
    'bytes-text',
    `fetched before one start of every image${fullBytes === 0 ? '' : `, instead of ${say('bytes', fullBytes)}`}`,
  )
  const sum = (state: 'running' | 'waiting') => fleet.counts.record[state] + fleet.counts.rebuild[state]
  show('queue', say('count', sum('running')))
  show(
    'queue-text',
    `${sum('running') === 1 ? 'job runs' : 'jobs run'}, ${say('count', sum('waiting'))} wait`,
  )
  const looked =
    fleet.polledAt === undefined
      ? 'The registries have not been looked at yet.'
      : `The registries were last looked at ${ago(fleet.polledAt)}.`
  show('poll', fleet.pollError === undefined ? looked : `${looked} What failed: ${visible(fleet.pollError)}`)
  byId('poll')?.classList.toggle('bad', fleet.pollError !== undefined)
}

const table = startTable()
let updatedAt: number | undefined

async function update(): Promise<void> {
  try {
    const answer = await fetch('api/fleet')
    if (!answer.ok) throw new Error((await answer.text()).trim())
    const fleet: LiveFleet = await answer.json()
    updatedAt = Date.now()
    summary(fleet)
    table.show(fleet.rows)
    show('freshness', 'live')
    byId('freshness')?.classList.remove('bad')
  } catch (error) {
    const why =
      error instanceof TypeError ? 'the server does not answer' : error instanceof Error ? error.message : ''
    show('freshness', `${updatedAt === undefined ? '' : `as of ${ago(updatedAt)}: `}${why}`)
    byId('freshness')?.classList.add('bad')
  }
}

async function follow(): Promise<void> {
  // Nobody looks at a hidden page.
  if (!document.hidden) await update()
  setTimeout(follow, EVERY_MS)
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void update()
})
void follow()
