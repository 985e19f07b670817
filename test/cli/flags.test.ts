/** What a person writes as a flag's value, and what it means. */
import { expect, test } from 'vitest'
import { readyCheck } from '../../cli/flags/ready.ts'
import {
  bandwidthFlag,
  durationFlag,
  latencyFlag,
  portFlag,
  positiveFlag,
  regexFlag,
  shareFlag,
  sizeFlag,
  urlFlag,
} from '../../cli/flags/values.ts'
import { commandLine } from '../../cli/print/command-line.ts'
import { bytes, duration, percent, table } from '../../cli/print/output.ts'

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
  [shareFlag, ''],
  [regexFlag, '('],
  [urlFlag, 'localhost:8000'],
  [urlFlag, 'ftp://localhost/'],
])('%o refuses %j', (flag, text) => {
  expect(() => flag(text)).toThrow()
})

test('a reproducible command holds no value of a variable and no password', () => {
  const args = [
    'bench',
    'a b',
    '-e',
    'TOKEN=secret',
    '--env=KEY=secret',
    '-eX=secret',
    '-e',
    'PLAIN',
    '--ready-http',
    'http://me:secret@localhost:80/?token=secret',
    '--ready-exec',
    'curl -u me:secret localhost',
    '--ready-exec=secret',
    '--',
    'serve',
    '--api-token',
    'secret',
    '--password=secret',
    'DB_PASSWORD=secret exec serve --quiet',
  ]
  const line = commandLine(args)
  expect(line).not.toContain('secret')
  expect(line).toBe(
    "headstart bench 'a b' -e TOKEN --env=KEY -eX -e PLAIN --ready-http 'http://***@localhost:80/?***' --ready-exec '***' '--ready-exec=***' -- serve --api-token '***' '--password=***' 'DB_PASSWORD=*** exec serve --quiet'",
  )
})

test('numbers for people', () => {
  expect([0, 999, 1000, 1_234_567, 5e9].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '1.2 MB', '5.00 GB'])
  expect([0, 999, 1000, 61_000].map(duration)).toEqual(['0 ms', '999 ms', '1.00 s', '1 min 1 s'])
  expect([0.014, 0.5].map(percent)).toEqual(['1.4 %', '50 %'])
  expect(
    table(
      ['name', 'n', 'why'],
      [
        ['a', '10', 'long'],
        ['bcd', '9', ''],
      ],
      [0, 2],
    ),
  ).toEqual(['name   n  why', 'a     10  long', 'bcd    9'])
})

test('a readiness: one check, the period where there is none, the healthcheck in both of its forms', () => {
  const timeout = 1
  expect(readyCheck({ timeout }, undefined)).toEqual({ by: 'period', ms: 10_000 })
  expect(readyCheck({ timeout, readyHealth: true }, ['CMD', 'a', 'b'])).toEqual({
    by: 'health',
    command: ['a', 'b'],
  })
  expect(readyCheck({ timeout, readyHealth: true }, ['CMD-SHELL', 'a b'])).toEqual({
    by: 'health',
    command: ['/bin/sh', '-c', 'a b'],
  })
  expect(() => readyCheck({ timeout, readyHealth: true }, ['NONE'])).toThrow(/declares no healthcheck/)
  expect(() => readyCheck({ timeout, readyExit: true, readyTcp: 1 }, undefined)).toThrow(
    /--ready-tcp and --ready-exit/,
  )
  expect(() => readyCheck({ timeout, readyStatus: 200 }, undefined)).toThrow(/require --ready-http/)
})
