/** Where a file of a layer lies, for a line of `inspect --files`. Pure. */
import type { InspectedEntry } from '../../image/inspect.ts'
import { bytes, counted } from './output.ts'

/** More make a line longer than any screen: a large library has dozens. */
const MAX_SHOWN = 3

export function placeText({ inZone, ahead }: Pick<InspectedEntry, 'inZone' | 'ahead'>): string {
  if (!ahead) return inZone ? 'zone' : ''
  const shown = ahead.slice(0, MAX_SHOWN).map(([start, end]) => `${start}-${end}`)
  const rest = ahead.length > MAX_SHOWN ? ' …' : ''
  const total = ahead.reduce((sum, [start, end]) => sum + end - start, 0)
  return `${counted(ahead.length, 'range')} ahead, ${bytes(total)}: ${shown.join(' ')}${rest}`
}
