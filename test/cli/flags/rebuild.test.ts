/** The flags of a rebuild, as its options. */
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addRebuildFlags, optionsOf, type RebuildFlags } from '../../../cli/flags/rebuild.ts'
import { DEFAULT_OPTIONS } from '../../../optimizer/options.ts'

function given(...args: readonly string[]) {
  const command = addRebuildFlags(new Command().exitOverride().configureOutput({ writeErr: () => {} }))
  return optionsOf(command.parse(args, { from: 'user' }).opts<RebuildFlags>())
}

test('without flags: the defaults, and nothing that a layer would have to be converted for', () => {
  expect({ ...DEFAULT_OPTIONS, ...given() }).toEqual(DEFAULT_OPTIONS)
  for (const name of ['chunkSize', 'minChunkSize', 'level']) expect(given()).not.toHaveProperty(name)
})

test('sizes, levels, lists and the link', () => {
  const flags = ['--chunk-size', '1MiB', '--min-chunk-size', '64KiB', '--compression-level', '9', '--split']
  const link = ['--bandwidth', '1Gbit', '--latency', '1ms', '--read-size', '0', '--max-zone', '8MB']
  const lists = ['--include', 'a', '--include', 'b/**', '--exclude', 'c', '--only-layers', '1, 3']
  expect(given(...flags, ...link, ...lists)).toMatchObject({
    chunkSize: 1 << 20,
    minChunkSize: 64 << 10,
    level: 9,
    split: 'auto',
    network: { mbitPerSecond: 1000, latencyMs: 1, readBytes: 0 },
    maxZone: 8e6,
    include: ['a', 'b/**'],
    exclude: ['c'],
    onlyLayers: [0, 2],
  })
})

test.each([
  ['--only-layers', '0'],
  ['--format', 'tar'],
  ['--split', 'never'],
  ['--min-coverage', '2'],
])('%s %s is refused', (flag, value) => {
  expect(() => given(flag, value)).toThrow(/invalid/)
})
