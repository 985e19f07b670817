/** What a reader is told to do after the verdict. */
import { expect, test } from 'vitest'
import type { BenchFile } from '../../../../report/bench/file.ts'
import { summarize } from '../../../../report/bench/summary.ts'
import { judge } from '../../../../report/bench/verdict.ts'
import { nextSteps, withFlag } from '../../../../report/page/model/next.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'

const { bench, trace } = makeMaterial({ files: 20 })
const commandsOf = (measured: typeof bench) =>
  nextSteps({ trace, bench: measured }, judge(summarize(measured))).map(({ command }) => command)
const slower = (arm: string) => ({
  ...bench,
  samples: bench.samples.map((sample) =>
    sample.arm === arm || arm === 'all lazy'
      ? { ...sample, phases: { ...sample.phases, ready: sample.arm === 'legacy' ? 1 : 60_000 } }
      : sample,
  ),
})

test('follows from the verdict', () => {
  expect(commandsOf(bench)[0]).toMatch(/^headstart optimize .*hello-flask:1 .*:1-esgz --trace trace\.json/)
  expect(commandsOf(bench).at(-1)).toMatch(/--output new\.json --baseline bench\.json$/)
  expect(commandsOf(slower('optimized'))[0]).toMatch(/--exclude '\*\*'/)
  expect(commandsOf(slower('all lazy'))).toEqual([undefined, expect.stringMatching(/--link edge$/)])
  const few = { ...bench, samples: bench.samples.filter(({ round }) => round === 0) }
  expect(commandsOf(few)).toEqual([expect.stringMatching(/--link wan --samples 5$/)])
})

test('more samples are taken without --quick, which is refused together with them', () => {
  const [round] = bench.samples
  const command = 'headstart bench a b --quick --link wan -- sh --quick'
  const quick = { ...bench, command, samples: bench.samples.filter((each) => each.round === round?.round) }
  expect(commandsOf(quick)).toEqual(['headstart bench a b --link wan --samples 5 -- sh --quick'])
})

test('names the files as they were given, so that the commands can be copied', () => {
  const files = { trace: 'ci/web trace.json', bench: 'ci/bench.json' }
  const audit = {
    ...bench,
    audit: { unused: [['a', 1] satisfies [string, number]], onDemand: [], zoneBytes: 1, unusedBytes: 1 },
  }
  const steps = nextSteps({ trace, bench: audit, files }, judge(summarize(bench)))
  const typed = steps.map(({ command }) => command).join('\n')
  expect(typed).toMatch(/^headstart optimize .*--trace 'ci\/web trace\.json' --min-coverage/)
  expect(typed).toMatch(/--refine ci\/bench\.json /)
  expect(typed).toMatch(/--baseline ci\/bench\.json$/)
})

test('an image with ranges ahead is rebuilt with them', () => {
  const { optimized } = bench.images
  if (!optimized) throw new Error('no optimized image')
  const images = {
    ...bench.images,
    optimized: { ...optimized, files: [['a', 0, 9, 5, 2] satisfies BenchFile] },
  }
  expect(commandsOf({ ...bench, images })[0]).toMatch(
    /^headstart optimize .* --split --min-coverage 90% --force$/,
  )
  expect(commandsOf(bench)[0]).not.toContain('--split')
})

test('is to rebuild and to measure, after a recording', () => {
  const steps = nextSteps({ trace }, judge([]))
  expect(steps.map(({ command }) => command?.split(' ')[1])).toEqual(['optimize', 'bench'])
})

test('a flag replaces the one that was given, before the container’s own command', () => {
  expect(withFlag('headstart bench a b -n 2 -- sh -n 2', 'samples', '5', 'n')).toBe(
    'headstart bench a b --samples 5 -- sh -n 2',
  )
  expect(withFlag("headstart bench a b --samples=2 --ready-log 'x y'", 'samples', '5', 'n')).toBe(
    "headstart bench a b --ready-log 'x y' --samples 5",
  )
})
