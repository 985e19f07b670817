/** Where an upload goes on, and from which byte. */
import { expect, test } from 'vitest'
import { bytesReceived, uploadUrl, withDigest } from '../../../image/registry/upload-url.ts'

const url = new URL('https://registry.example/v2/app/blobs/uploads/')
const at = (location: string | undefined, kept?: string) => uploadUrl({ url, headers: { location } }, kept)

test('a location is taken from where the answer came from', () => {
  expect(at('/v2/app/blobs/uploads/1?state=x')).toBe(
    'https://registry.example/v2/app/blobs/uploads/1?state=x',
  )
  expect(at('https://storage.example/1')).toBe('https://storage.example/1')
  expect(at(undefined, 'https://kept.example/1')).toBe('https://kept.example/1')
  for (const location of [undefined, 'http://['])
    expect(() => at(location)).toThrow(/no valid URL to upload to/)
})

test('the digest goes beside what the registry put into the URL', () => {
  const ended = new URL(withDigest('https://registry.example/1?state=a%2Fb', 'sha256:12'))
  expect([ended.searchParams.get('state'), ended.searchParams.get('digest')]).toEqual(['a/b', 'sha256:12'])
})

test.each([
  ['0-99', 100],
  ['bytes=0-99', 100],
  ['0-0', 0],
  ['0-499', 500],
  ['0-500', undefined],
  ['5-99', undefined],
  ['', undefined],
  [undefined, undefined],
])('Range: %s of 500 bytes', (range, received) => {
  expect(bytesReceived(range, 500)).toBe(received)
})
