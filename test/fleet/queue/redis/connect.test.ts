/** Addresses of Redis, and what is said of a server that can't be used. */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { openRedisQueue } from '../../../../fleet/queue/bullmq.ts'
import { asQueueError, parseRedisUrl } from '../../../../fleet/queue/redis/connect.ts'
import { startRedis } from '../../../../scripts/support/redis.ts'

test.each([
  ['redis://redis', { host: 'redis', port: 6379, db: 0 }, 'redis://redis:6379'],
  ['redis://redis:7000/3', { host: 'redis', port: 7000, db: 3 }, 'redis://redis:7000/3'],
  ['redis://:s%40crt@redis', { host: 'redis', port: 6379, db: 0, password: 's@crt' }, 'redis://redis:6379'],
  [
    'redis://me:100%@redis/0',
    { host: 'redis', port: 6379, db: 0, username: 'me', password: '100%' },
    'redis://redis:6379',
  ],
  ['redis://[::1]:1', { host: '::1', port: 1, db: 0 }, 'redis://[::1]:1'],
  [
    'rediss://redis',
    { host: 'redis', port: 6379, db: 0, tls: { servername: 'redis' } },
    'rediss://redis:6379',
  ],
])('%s', (text, options, shown) => {
  expect(parseRedisUrl(text)).toEqual({ options, shown })
})

test.each(['', 'redis', 'http://me:secret@redis', 'redis://me:secret@redis/one', 'redis://me:secret@:1'])(
  'not an address: %j',
  (text) => {
    let thrown: unknown
    try {
      parseRedisUrl(text)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'E_QUEUE' })
    expect(inspect(thrown, { depth: 9 }).split('\n')[0]).not.toContain('secret')
  },
)

test('a wrong password is told at once, and not repeated', async () => {
  await using redis = await startRedis({ password: 'right-password' })
  const url = redis.url.replace('right', 'wrong')
  const thrown: unknown = await openRedisQueue({ url }).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(thrown).toMatchObject({
    code: 'E_QUEUE',
    message: expect.stringContaining('it refuses the password'),
  })
  expect(inspect(thrown, { depth: 9 })).not.toContain('wrong-password')
  const without: unknown = await openRedisQueue({ url: `redis://127.0.0.1:${redis.port}` }).catch(
    (error: unknown) => error,
  )
  expect(without).toMatchObject({
    code: 'E_QUEUE',
    message: expect.stringContaining('it asks for a password'),
  })
})

test('errors of others are told without what they carry', () => {
  const error = Object.assign(new Error('ERR no'), { command: { name: 'auth', args: ['secret'] } })
  expect(inspect(asQueueError(error, 'redis://redis:1'), { depth: 9 })).not.toContain('secret')
})
