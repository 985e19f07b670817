/** Amounts as people write them; the flags that take them have their own test. */
import { expect, test } from 'vitest'
import { bandwidthIn, durationIn, latencyIn, shareIn, sizeIn } from '../../../system/text/amounts.ts'

test.each([
  [durationIn, '2m', 120_000],
  [durationIn, '1', 1000],
  [durationIn, '1h', 3_600_000],
  [durationIn, '24d', 24 * 86_400_000],
  [latencyIn, '1', 1],
  [sizeIn, '1.5k', 1536],
  [bandwidthIn, '1 Gbps', 1000],
  [shareIn, '.5', 0.5],
  [shareIn, '150%', 1.5],
])('%o %s', (read, text, value) => {
  expect(read(text)).toBe(value)
})

test.each(['25d', '2147483648ms'])('%s is longer than any timer: it is refused, not over at once', (text) => {
  expect(durationIn(text)).toBeUndefined()
})

test.each([durationIn, latencyIn, sizeIn, bandwidthIn, shareIn])('%o understands no nonsense', (read) => {
  for (const text of ['', ' ', 'x', '-1', '1 constructor', '1e3', '1,5', '0x10', '1%%'])
    expect([text, read(text)]).toEqual([text, undefined])
})
