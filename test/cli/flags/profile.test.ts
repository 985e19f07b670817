/** The flags of a recording, as what is recorded. */
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addImageFlags } from '../../../cli/flags/image.ts'
import { addProfileFlags, type ProfileFlags, recordOrder } from '../../../cli/flags/profile.ts'

async function orderOf(...args: readonly string[]) {
  const command = addImageFlags(addProfileFlags(new Command().exitOverride()))
  command.configureOutput({ writeErr: () => {} }).parse(args, { from: 'user' })
  return recordOrder([], command.opts<ProfileFlags>())
}

test('one start on fuse-native, with the first engine there is', async () => {
  const { options, requests } = await orderOf()
  expect(options).toMatchObject({ command: [], runs: 1, timeoutMs: 120_000, server: 'fuse-native' })
  expect([options.engine, options.graceMs, options.input, requests]).toEqual(Array(4).fill(undefined))
})

test('all of it spelled out', async () => {
  const flags = [
    '--engine',
    'runc',
    '--fuse',
    'kernel',
    '--grace',
    '2s',
    '--runs',
    '3',
    '--insecure',
    '-u',
    '1',
    '--net',
    'host',
  ]
  expect((await orderOf(...flags)).options).toMatchObject({
    engine: 'runc',
    server: 'kernel',
    graceMs: 2000,
    runs: 3,
    source: { insecure: true },
    run: { user: '1', network: 'host' },
  })
})

test.each([
  [['--script', '/nowhere'], /--script \/nowhere can't be read/],
  [['--runs', '0'], /'0' is invalid/],
  [['--until-interrupt', '--runs', '2'], /cannot be used with/],
])('%j is refused', async (flags, why) => {
  await expect(orderOf(...flags)).rejects.toThrow(why)
})
