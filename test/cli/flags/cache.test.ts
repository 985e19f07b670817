/** Which folder is the cache. */
import { execFile } from 'node:child_process'
import { homedir } from 'node:os'
import { promisify } from 'node:util'
import { afterEach, expect, test, vi } from 'vitest'
import { cacheRequest } from '../../../cli/flags/cache.ts'

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

test('a user without a home has none', async () => {
  const module = new URL('../../../cli/flags/cache.ts', import.meta.url)
  const script = `import { cacheRequest } from '${module}'; console.log(cacheRequest({ cacheSize: 1 }))`
  const user = { uid: 54_321, gid: 54_321, cwd: '/', env: {} }
  const asked = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], user)
  expect((await asked).stdout).toBe('undefined\n')
})

test('a named one, and none', () => {
  expect(request({ cache: 'here' })).toEqual({ folder: 'here', bytes: 10, isNamed: true })
  expect(request({ cache: false })).toBeUndefined()
  expect(request({ cacheSize: 0 })).toBeUndefined()
})
