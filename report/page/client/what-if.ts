/** The prediction for other links: hatched bars with marks for what was measured, and the bandwidth at which lazy pulling stops paying off. */
import type { PageArm, PageData, PageLink } from '../shared/data.ts'
import { BANDWIDTHS, type Conditions, crossings, predict, total } from '../shared/predict.ts'
import { byId, inputById, make, say, svg } from './dom.ts'

const STEPS = 80
const span = Math.log10(BANDWIDTHS.to / BANDWIDTHS.from)
const bitsAt = (step: number): number => BANDWIDTHS.from * 10 ** ((step / STEPS) * span)
const stepAt = (bits: number): number => Math.round((Math.log10(bits / BANDWIDTHS.from) / span) * STEPS)

/** What is left when the link takes no time. */
const NO_LINK: Conditions = { bitsPerSecond: null, roundTripMs: 0, pulls: 1 }

/** Position on the strip of bandwidths, in percent. */
const across = (bits: number): number => (Math.log10(bits / BANDWIDTHS.from) / span) * 100

export function showWhatIf({ arms, links }: PageData): void {
  const [bandwidth, latency, pulls] = [inputById('bandwidth'), inputById('latency'), inputById('pulls')]
  const [first] = links
  if (!bandwidth || !latency || !pulls || !first) return
  const goTo = ({ bitsPerSecond, roundTripMs }: PageLink) => {
    bandwidth.value = String(stepAt(bitsPerSecond ?? BANDWIDTHS.to))
    latency.value = String(roundTripMs)
    pulls.value = '1'
  }
  const fastest = Math.max(...links.map(({ bitsPerSecond }) => bitsPerSecond ?? Number.POSITIVE_INFINITY))
  const update = () => {
    const at = conditionsOf(links, Number(bandwidth.value), Number(latency.value), Number(pulls.value))
    showConditions(at)
    showPredictions(arms, at, links)
    byId('faster-link')?.toggleAttribute('hidden', (at.bitsPerSecond ?? 0) <= fastest * at.pulls)
    showCrossing(arms, at)
  }
  for (const slider of [bandwidth, latency, pulls]) slider.addEventListener('input', update)
  document.querySelectorAll('[data-link]').forEach((button, index) => {
    button.addEventListener('click', () => {
      goTo(links[index] ?? first)
      update()
    })
  })
  goTo(first)
  update()
  showError(arms)
}

/** The bandwidth's slider has steps; the step of a measured link means exactly its bandwidth. */
function conditionsOf(
  links: readonly PageLink[],
  step: number,
  roundTripMs: number,
  pulls: number,
): Conditions {
  const meant = links.find(({ bitsPerSecond }) => bitsPerSecond !== null && stepAt(bitsPerSecond) === step)
  return { bitsPerSecond: meant?.bitsPerSecond ?? bitsAt(step), roundTripMs, pulls }
}

function showConditions({ bitsPerSecond, roundTripMs, pulls }: Conditions): void {
  const texts = {
    bandwidth: say('rate', bitsPerSecond ?? 0),
    latency: say('ms', roundTripMs),
    pulls: say('count', pulls),
  }
  for (const [id, text] of Object.entries(texts)) {
    const output = byId(`${id}-out`)
    if (output) output.textContent = text
    byId(id)?.setAttribute('aria-valuetext', text)
  }
}

/** Index of the measured link that has these conditions; -1: none. */
const measuredAt = (at: Conditions, links: readonly PageLink[]): number =>
  at.pulls === 1
    ? links.findIndex(
        (link) => at.bitsPerSecond === link.bitsPerSecond && at.roundTripMs === link.roundTripMs,
      )
    : -1

function showPredictions(arms: readonly PageArm[], at: Conditions, links: readonly PageLink[]): void {
  const box = byId('predictions')
  if (!box) return
  const here = measuredAt(at, links)
  const times = arms.map((arm) => total(predict(arm.fit, at)))
  const measured = arms.map(({ onLinks }) => onLinks[here] ?? undefined)
  const most = Math.max(...times, ...measured.filter((ms) => ms !== undefined), 1)
  box.replaceChildren(
    ...arms.map((arm, index) => {
      const ms = times[index] ?? 0
      const seen = measured[index]
      const work = Math.min(ms, total(predict(arm.fit, NO_LINK)))
      const own = make('div', { class: 'work' })
      own.style.width = `${(work / Math.max(ms, 1)) * 100}%`
      const guess = make('div', { class: `guess ${arm.kind}` }, own)
      guess.style.width = `${(ms / most) * 100}%`
      const track = make('div', { class: 'track' }, guess)
      if (seen !== undefined) {
        const mark = make('div', { class: 'mark' })
        mark.style.left = `${(seen / most) * 100}%`
        track.append(mark)
      }
      const value = `≈ ${say('ms', ms)}${seen === undefined ? '' : ` (measured ${say('ms', seen)})`}`
      const what = make(
        'div',
        { class: 'what' },
        make('span', { text: arm.label }),
        make('span', {}, make('b', { text: value }), ` ${say('ms', work)} of it the machine’s work`),
      )
      return make('div', { class: 'prediction', 'data-arm': arm.id, 'data-ms': ms.toFixed(1) }, what, track)
    }),
  )
}

/** The fastest arm at each bandwidth, as a strip, and as text where lazy pulling stops paying off. */
function showCrossing(arms: readonly PageArm[], at: Conditions): void {
  const box = byId('crossing')
  if (!box) return
  const legacy = arms.find(({ kind }) => kind === 'legacy')
  const lazy = arms.find(({ kind }) => kind === 'optimized') ?? arms.find(({ kind }) => kind !== 'legacy')
  if (!legacy || !lazy) return
  const points = crossings(lazy.fit, legacy.fit, at)
  const faster = (bits: number) => {
    const here = { ...at, bitsPerSecond: bits }
    return total(predict(lazy.fit, here)) <= total(predict(legacy.fit, here)) ? lazy : legacy
  }
  const edges = [BANDWIDTHS.from, ...points, BANDWIDTHS.to]
  const strip = svg('svg', { 'aria-hidden': 'true' })
  edges.slice(1).forEach((to, index) => {
    const from = edges[index] ?? BANDWIDTHS.from
    const arm = faster(Math.sqrt(from * to))
    const [x, width] = [across(from), across(to) - across(from)]
    strip.append(
      svg('rect', {
        class: `seg ${arm.kind}`,
        x: `${x}%`,
        y: 8,
        width: `${width}%`,
        height: 12,
        opacity: 0.55,
      }),
    )
  })
  for (const bits of box.clientWidth < 440 ? [1e6, 1e8, 1e10] : [1e6, 1e7, 1e8, 1e9, 1e10]) {
    const anchor = bits === 1e6 ? 'start' : bits === 1e10 ? 'end' : 'middle'
    strip.append(svg('text', { x: `${across(bits)}%`, y: 38, 'text-anchor': anchor }, say('rate', bits)))
  }
  strip.append(
    svg('rect', {
      class: 'now',
      x: `${across(at.bitsPerSecond ?? BANDWIDTHS.to)}%`,
      y: 3,
      width: 2,
      height: 22,
    }),
  )
  box.replaceChildren(make('p', { text: crossingText(points, faster(BANDWIDTHS.from), lazy, legacy) }), strip)
}

function crossingText(points: readonly number[], slow: PageArm, lazy: PageArm, legacy: PageArm): string {
  const [first, ...more] = points
  if (first === undefined) {
    const faster = slow === lazy ? 'lazy pulling' : `a ${legacy.label.toLowerCase()}`
    return `From ${say('rate', BANDWIDTHS.from)} to ${say('rate', BANDWIDTHS.to)}, ${faster} is predicted to be faster at every bandwidth.`
  }
  if (more.length > 0)
    return `The faster arm is predicted to change at ${points.map((bits) => say('rate', bits)).join(' and ')}.`
  return slow === lazy
    ? `Lazy pulling is predicted to be faster below ${say('rate', first)}; above that, a ${legacy.label.toLowerCase()} is ready first.`
    : `Lazy pulling is predicted to be faster above ${say('rate', first)}; below that, a ${legacy.label.toLowerCase()} is ready first.`
}

function showError(arms: readonly PageArm[]): void {
  const note = byId('model-error')
  if (!note) return
  const errors = arms.flatMap(({ label, fit: { error } }) =>
    error === undefined ? [] : [`${label} ${say('percent', error.mean)}`],
  )
  const isOfLinks = arms.some(({ fit }) => fit.error?.of === 'link')
  if (errors.length === 0) note.textContent = 'With one sample per arm, the model’s error is unknown.'
  else if (isOfLinks)
    note.textContent = `Mean error when each measured link is predicted from the others: ${errors.join(', ')}.`
  else
    note.textContent = `Mean error when each sample is predicted from the others: ${errors.join(', ')}. The model was fitted on one link: the more a link differs, the less reliable it is. Measurements on several links (one file each, passed to the report together) make it more reliable.`
}
