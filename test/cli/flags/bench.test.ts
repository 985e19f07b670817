/** The command line of `bench`, as the order that is handed on. */
import { Command } from 'commander'
import { expect, test } from 'vitest'
import {
  addBenchFlags,
  type BenchFlags,
  type BenchOrder,
  benchOrder,
  type GivenReferences,
  givenReferences,
} from '../../../cli/flags/bench.ts'

async function orderOf(...args: readonly string[]): Promise<BenchOrder & { images: GivenReferences }> {
  let order: (BenchOrder & { images: GivenReferences }) | undefined
  const command = addBenchFlags(new Command().exitOverride().configureOutput({ writeErr: () => {} })).action(
    async (original: string, optimized: string, more: string[], flags: BenchFlags) => {
      order = { ...(await benchOrder(more, flags)), images: givenReferences(original, optimized, flags) }
    },
  )
  await command.parseAsync(args, { from: 'user' })
  if (!order) throw new Error('no order')
  return order
}

test('without flags: five samples of every arm on the wan link, with the built-in runtime on runc', async () => {
  expect(await orderOf('web:1', 'web:1-esgz')).toMatchObject({
    images: { original: 'web:1', optimized: 'web:1-esgz', others: [] },
    measure: {
      link: { name: 'wan', bitsPerSecond: 100e6, roundTripMs: 10 },
      runtime: { name: 'builtin' },
      rounds: { samples: 5, warmups: 1 },
      audit: false,
    },
    start: { command: [], engine: 'runc', timeoutMs: 120_000 },
    limits: { budget: [], maxRegression: 0.1 },
    output: 'bench.json',
    format: 'text',
  })
})

test('images, arms, a link of its own, limits, and the command after --', async () => {
  const order = await orderOf(
    ...['a', 'b', '--image', 'ours=oci:x=y:1', '--arms', 'legacy,ours', '--link', 'lan', '--latency', '0.5s'],
    ...['--budget', 'start=2s', '--budget', 'requests=30,bytes=1MB', '--quick', '--watch', '3', '-e', 'A=b'],
    ...['--', 'python', '-m', 'app'],
  )
  expect(order).toMatchObject({
    images: { others: [{ name: 'ours', reference: 'oci:x=y:1' }] },
    measure: {
      arms: ['legacy', 'ours'],
      link: { name: 'custom', bitsPerSecond: 1e9, roundTripMs: 500 },
      rounds: { samples: 2, warmups: 0 },
      watchMs: 3000,
    },
    start: { command: ['python', '-m', 'app'], run: { env: ['A=b'] } },
  })
  expect(order.limits.budget.map(({ metric }) => metric)).toEqual(['start', 'requests', 'bytes'])
})

test.each([
  [['--image', 'ours'], /--image ours does not have the form NAME=IMAGE/],
  [['--budget', 'memory=3'], /is not a valid budget/],
  [['--baseline', '/nowhere.json'], /nowhere\.json can't be read/],
  [['--quick', '--samples', '3'], /cannot be used with/],
  [['-o', '-'], /is kept in a file while it is made/],
])('%j is refused', async (flags, why) => {
  await expect(orderOf('a', 'b', ...flags)).rejects.toThrow(why)
})
