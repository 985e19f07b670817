/** Which folder is the cache. */
import { homedir } from 'node:os'
import { afterEach, expect, test, vi } from 'vitest'
import { cacheRequest } from '../../../cli/flags/cache.ts'

vi.mock('node:os', async (load) => {
  const os = await load<typeof import('node:os')>()
  return { ...os, homedir: vi.fn(os.homedir) }
})

afterEach(() => vi.unstubAllEnvs())

const request = (flags: { cache?: string | false; cacheSize?: number } = {}) =>
  cacheRequest({ cacheSize: 10, ...flags })

test.each([
  ['root', 0, {}, '/var/cache/headstart'],
  ['others, with a cache of their own', 1000, { XDG_CACHE_HOME: '/there' }, '/there/headstart'],
  ['others', 1000, { XDG_CACHE_HOME: undefined }, `${homedir()}/.cache/headstart`],
  [
    'others, whose cache of their own is empty',
    1000,
    { XDG_CACHE_HOME: '' },
    `${homedir()}/.cache/headstart`,
  ],
  ['anybody who has said so', 1000, { HEADSTART_CACHEDIR: '/elsewhere' }, '/elsewhere'],
])('of %s', (_who, uid, env, folder) => {
  vi.stubEnv('HEADSTART_CACHEDIR', undefined)
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  const us = vi.spyOn(process, 'geteuid').mockReturnValue(uid)
  expect(request()).toEqual({ folder, bytes: 10, isNamed: false })
  us.mockRestore()
})

test('a user without a home has none, unless it is named', () => {
  vi.stubEnv('HEADSTART_CACHEDIR', undefined)
  vi.stubEnv('XDG_CACHE_HOME', undefined)
  const us = vi.spyOn(process, 'geteuid').mockReturnValue(1000)
  vi.mocked(homedir).mockImplementation(() => {
    throw new Error('uv_os_homedir returned ENOENT')
  })
  expect(request()).toBeUndefined()
  expect(request({ cache: 'here' })).toMatchObject({ folder: 'here' })
  vi.mocked(homedir).mockReset()
  us.mockRestore()
})

test('a named one, and none', () => {
  expect(request({ cache: 'here' })).toEqual({ folder: 'here', bytes: 10, isNamed: true })
  expect(request({ cache: false })).toBeUndefined()
  expect(request({ cacheSize: 0 })).toBeUndefined()
})
