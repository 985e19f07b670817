/** Where a token may be asked for. What counts as a token is tested in auth.test.ts. */
import { expect, test } from 'vitest'
import { realmUrl } from '../../../../image/registry/auth/token.ts'

test.each([
  ['relative', '/token', /does not say where/],
  ['a file', 'file:///etc/passwd', /does not say where/],
  ['empty', '', /does not say where/],
  ['plain HTTP', 'http://tokens.example/token', /asks for credentials over plain HTTP$/],
])('the realm of a registry behind TLS: %s is refused', (_, text, why) => {
  const endpoint = { origin: 'https://r.example', insecure: false }
  expect(() => realmUrl(text, endpoint)).toThrow(why)
})

test('a realm at another host is what realms are', () => {
  const endpoint = { origin: 'https://r.example', insecure: false }
  expect(realmUrl('https://tokens.example/token', endpoint).host).toBe('tokens.example')
})
