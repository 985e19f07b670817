/** The time left of a measurement, from its first second. */
import { expect, test } from 'vitest'
import { guessMs, timeLeft } from '../../../report/bench/time-left.ts'
import { imageAt } from './image-at.ts'

const slow = { arm: 'slow', guessMs: 200 }
const fast = { arm: 'fast', guessMs: 50 }

test('is what each arm took so far', () => {
  const taken = [
    { ...slow, ms: 90 },
    { ...fast, ms: 10 },
  ]
  expect(timeLeft([slow, fast], taken)).toBe(100)
})

test('before an arm was measured it is a guess, corrected by how far off the others were', () => {
  expect(timeLeft([slow, fast, slow, fast], [])).toBe(500)
  expect(timeLeft([fast, slow, fast], [{ ...slow, ms: 400 }])).toBe(100 + 400 + 100)
})

test('a full pull waits for all bytes of the link, a lazy one for a part', () => {
  const image = imageAt('oci:big')
  const layer = { mediaType: '', digest: image.descriptor.digest, size: 100e6 }
  const big = { ...image, manifest: { ...image.manifest, layers: [layer] } }
  const images = { original: big, optimized: big, others: [] }
  const wan = { name: 'wan', bitsPerSecond: 100e6, roundTripMs: 10 }
  const full = guessMs({ kind: 'legacy', image: 'original' }, images, wan)
  const lazy = guessMs({ kind: 'optimized', image: 'optimized' }, images, wan)
  const unshaped = { name: 'none', bitsPerSecond: null, roundTripMs: 0 }
  expect(full).toBeGreaterThan(8000)
  expect(lazy).toBeLessThan(full)
  expect(guessMs({ kind: 'legacy', image: 'original' }, images, unshaped)).toBeLessThan(lazy)
})
