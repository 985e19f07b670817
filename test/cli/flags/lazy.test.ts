/** The flags that say how an image is read lazily. */
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addLazyFlags, type LazyFlags, lazyChoices } from '../../../cli/flags/lazy.ts'

function choices(...args: readonly string[]) {
  const command = addLazyFlags(new Command().exitOverride())
  command.configureOutput({ writeErr: () => {} }).parse(args, { from: 'user' })
  return lazyChoices(command.opts<LazyFlags>())
}

test('attached profiles, the background, and a cache', () => {
  expect(choices()).toEqual({
    profile: { attached: true },
    background: true,
    cache: { folder: '/var/cache/headstart', bytes: 10e9 },
  })
})

test('all of it spelled out', () => {
  expect(
    choices('--profile', 'checkout', '--no-background', '--cache', 'here', '--cache-size', '1GiB'),
  ).toEqual({
    profile: { attached: true, name: 'checkout' },
    background: false,
    cache: { folder: 'here', bytes: 2 ** 30 },
  })
  expect(choices('--trace', 'a', '--trace', 'b', '--no-cache')).toEqual({
    profile: { attached: false, files: ['a', 'b'] },
    background: true,
  })
  expect(choices('--no-profile').profile).toEqual({ attached: false })
})

test('a name and a file exclude each other, and a name is one', () => {
  expect(() => choices('--profile', 'a', '--trace', 'b')).toThrow(/--profile cannot be used with --trace/)
  expect(() => choices('--profile', '../a')).toThrow(/not a valid profile name/)
})
