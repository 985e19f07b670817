/** What a request was for. */
import { expect, test } from 'vitest'
import type { LinkRequest } from '../../../../report/bench/link/messages.ts'
import { pulledWhole, purposeOf, zoneSpan } from '../../../../report/bench/link/requests.ts'
import { request } from './request.ts'

const digest = `sha256:${'ab'.repeat(32)}`
const layers = [{ digest, size: 10_000, zoneEnd: 3000, tocOffset: 9000 }]

test('a request’s purpose follows from its path and range', () => {
  const of = (range: string | undefined, path = `/v2/x/blobs/${digest}`) =>
    purposeOf(request(0, 1, { path, range }), layers)
  expect(of(undefined, '/v2/x/manifests/latest')).toBe('resolve')
  expect(of('bytes=0-2999')).toBe('prefetch')
  expect(of('bytes=3000-4000')).toBe('onDemand')
  expect(of('bytes=-51')).toBe('toc')
  expect(of('bytes=9000-9948')).toBe('toc')
  expect(of('bytes=8000-9948')).toBe('toc')
  expect(of(undefined)).toBe('whole')
  const whole = (changes: Partial<LinkRequest>, plans = layers) =>
    pulledWhole([request(0, 1, { path: `/v2/x/blobs/${digest}`, ...changes })], plans)
  expect(whole({})).toBe(1)
  expect(whole({ method: 'HEAD', bytes: 0 })).toBe(0)
  expect(whole({ range: 'bytes=0-9999' })).toBe(0)
  expect(whole({}, [{ digest, size: 10_000, zoneEnd: 0, tocOffset: 10_000 }])).toBe(0)
  const beside = layers.map((layer) => ({
    ...layer,
    tocPaths: ['/manifests/latest-esgztoc', '/blobs/sha256:77'],
  }))
  for (const path of ['/v2/x/manifests/latest-esgztoc', '/v2/x/blobs/sha256:77?ns=host'])
    expect(purposeOf(request(0, 1, { path }), beside)).toBe('toc')
  expect(purposeOf(request(0, 1, { path: '/v2/x/manifests/latest' }), beside)).toBe('resolve')
  const zone = request(5, 9, { path: `/v2/x/blobs/${digest}`, range: 'bytes=0-2999' })
  expect(zoneSpan([zone, { ...zone, startedAt: 7, endedAt: undefined }], layers, 20)).toEqual({
    from: 5,
    to: 20,
  })
  expect(zoneSpan([zone], layers, 4)).toBeUndefined()
})
