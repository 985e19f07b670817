/** The links to choose from, presets by name or a bandwidth and a latency, and what each is called. Pure. */
import { LINKS } from '../../../optimizer/links.ts'
import type { NetworkModel } from '../../../optimizer/options.ts'
import { HeadstartError } from '../../../system/errors.ts'
import type { BenchLink } from '../file.ts'

const shaped = ({ mbitPerSecond, latencyMs }: NetworkModel) => ({
  bitsPerSecond: mbitPerSecond * 1e6,
  roundTripMs: latencyMs,
})

export const LINK_PRESETS = {
  lan: shaped(LINKS.lan),
  wan: shaped(LINKS.wan),
  edge: shaped(LINKS.edge),
  /** requests are recorded and not slowed down */
  none: { bitsPerSecond: null, roundTripMs: 0 },
} as const satisfies Record<string, Omit<BenchLink, 'name'>>

/** of a link that is not a preset, or of one that was changed: it goes by its figures */
export const CUSTOM_LINK = 'custom'

type LinkName = keyof typeof LINK_PRESETS

const isPreset = (name: string): name is LinkName => Object.hasOwn(LINK_PRESETS, name)

/** What replaces a preset's own values. */
export interface LinkChanges {
  /** above 0 */
  readonly bitsPerSecond?: number
  readonly roundTripMs?: number
}

/** @throws HeadstartError E_LINK: no such preset, or a bandwidth or latency out of range */
export function chooseLink(name: string = 'wan', changes: LinkChanges = {}): BenchLink {
  if (!isPreset(name))
    throw new HeadstartError('E_LINK', `there is no link named ${JSON.stringify(name)}`, {
      hint: `Choose one of ${Object.keys(LINK_PRESETS).join(', ')}, or give a bandwidth and a latency`,
    })
  const { bitsPerSecond, roundTripMs } = { ...LINK_PRESETS[name], ...changes }
  if ((bitsPerSecond !== null && !(bitsPerSecond > 0)) || !(roundTripMs >= 0))
    throw new HeadstartError('E_LINK', 'a link needs a bandwidth above 0 and a latency of 0 ms or more')
  return { name: Object.keys(changes).length > 0 ? CUSTOM_LINK : name, bitsPerSecond, roundTripMs }
}

export const isUnshaped = (link: BenchLink): boolean => link.bitsPerSecond === null && link.roundTripMs === 0

const rateText = (bitsPerSecond: number): string =>
  bitsPerSecond >= 1e9 ? `${bitsPerSecond / 1e9} Gbit/s` : `${bitsPerSecond / 1e6} Mbit/s`

/** A preset by the name it was given, with what it means; any other link by its figures alone. */
export function linkText({ name, bitsPerSecond, roundTripMs }: BenchLink): string {
  const parts = [
    bitsPerSecond === null ? undefined : rateText(bitsPerSecond),
    roundTripMs > 0 ? `${roundTripMs} ms round trip` : undefined,
  ].filter((part) => part !== undefined)
  const shape = parts.length === 0 ? 'not shaped' : parts.join(', ')
  return name === CUSTOM_LINK ? shape : `${name} (${shape})`
}
