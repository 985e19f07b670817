/** `WWW-Authenticate` as registries write it, parsed, and which of several challenges is chosen. */
import { expect, test } from 'vitest'
import { chooseChallenge, parseChallenges } from '../../../../image/registry/auth/challenge.ts'

test.each([
  ['Basic realm="x"', [{ scheme: 'basic', realm: 'x' }]],
  [
    'Bearer realm="https://a/t",service="s",scope="repository:a:pull,push"',
    [{ scheme: 'bearer', realm: 'https://a/t', service: 's', scope: 'repository:a:pull,push' }],
  ],
  [
    'bearer REALM = "a\\"b" , error=invalid_token',
    [{ scheme: 'bearer', realm: 'a"b', error: 'invalid_token' }],
  ],
  ['Negotiate, Basic realm="y"', [{ scheme: 'negotiate' }, { scheme: 'basic', realm: 'y' }]],
  ['NTLM TlRM/+==, Bearer realm="z"', [{ scheme: 'ntlm' }, { scheme: 'bearer', realm: 'z' }]],
  ['Bearer realm=https://a/t?b,service=s', [{ scheme: 'bearer', realm: 'https://a/t?b', service: 's' }]],
  ['Basic realm="a, Bearer realm=\\"b\\""', [{ scheme: 'basic', realm: 'a, Bearer realm="b"' }]],
  ['Bearer realm="open', [{ scheme: 'bearer' }]],
  ['', []],
  ['=,=;"', []],
])('the challenge %j', (header, expected) => {
  const parsed = parseChallenges(header).map(({ scheme, parameters }) => ({
    scheme,
    ...Object.fromEntries(parameters),
  }))
  expect(parsed).toEqual(expected)
})

test('Basic is taken where Bearer names no realm', () => {
  const chosen = (header: string) => chooseChallenge(parseChallenges(header))?.scheme
  expect(chosen('Bearer error="x", Basic realm="y"')).toBe('basic')
  expect(chosen('Bearer error="x"')).toBe('bearer')
  expect(chosen('NTLM')).toBeUndefined()
})
