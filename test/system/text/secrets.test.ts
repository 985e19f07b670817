/** What keeps passwords and tokens out of messages. */
import { expect, test } from 'vitest'
import { hide, withoutSecrets, withoutUrlSecrets } from '../../../system/text/secrets.ts'

test('a URL without its user and its query', () => {
  expect(withoutUrlSecrets('see https://me:pw@host/a?token=x#b and http://plain/')).toBe(
    'see https://***@host/a?***#b and http://plain/',
  )
})

test('a command line without values that are named like secrets', () => {
  expect(withoutSecrets(['run', '--token', 'abc', '--api-key=abc', 'PASSWORD=x y', '--name', 'abc'])).toEqual(
    ['run', '--token', '***', '--api-key=***', 'PASSWORD=*** y', '--name', 'abc'],
  )
})

test('a value is hidden as it is, in base64 and in a URL; short ones are left', () => {
  const secret = 'pä55/word'
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '')
  expect(hide(`${secret} ${base64} ${encodeURIComponent(secret)}`, [secret])).toBe('*** *** ***')
  expect(hide('abc abcd', ['abc', ''])).toBe('abc abcd')
})
