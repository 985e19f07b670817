/** What a person writes as a flag's value, and what it means. */
import { expect, test } from 'vitest'
import {
  bandwidthFlag,
  durationFlag,
  growthFlag,
  latencyFlag,
  portFlag,
  positiveFlag,
  regexFlag,
  shareFlag,
  sizeFlag,
  urlFlag,
} from '../../../cli/flags/values.ts'

test.each([
  [durationFlag, '500ms', 500],
  [durationFlag, '10', 10_000],
  [durationFlag, '1.5m', 90_000],
  [latencyFlag, '10', 10],
  [latencyFlag, '0.5s', 500],
  [sizeFlag, '4MiB', 4_194_304],
  [sizeFlag, '20MB', 20_000_000],
  [sizeFlag, '4096', 4096],
  [bandwidthFlag, '100', 100],
  [bandwidthFlag, '1Gbit/s', 1000],
  [bandwidthFlag, '500kbit', 0.5],
  [portFlag, '8080', 8080],
  [positiveFlag, '3', 3],
  [shareFlag, '80%', 0.8],
  [shareFlag, '0.25', 0.25],
  [growthFlag, '150%', 1.5],
])('%o %s', (flag, text, value) => {
  expect(flag(text)).toBe(value)
})

test.each([
  [durationFlag, '10 parsecs'],
  [durationFlag, ''],
  [durationFlag, '-1s'],
  [sizeFlag, '4 potatoes'],
  [bandwidthFlag, 'fast'],
  [portFlag, '0'],
  [portFlag, '65536'],
  [positiveFlag, '0'],
  [positiveFlag, '1.5'],
  [shareFlag, '120%'],
  [growthFlag, '-1%'],
  [sizeFlag, '1 constructor'],
  [shareFlag, ''],
  [regexFlag, '('],
  [urlFlag, 'localhost:8000'],
  [urlFlag, 'ftp://localhost/'],
])('%o refuses %j', (flag, text) => {
  expect(() => flag(text)).toThrow()
})
