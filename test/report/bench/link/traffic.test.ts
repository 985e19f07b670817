/** Requests assigned to phases, and the chains of round trips in them. */
import { describe, expect, test } from 'vitest'
import { attribute, longestChain } from '../../../../report/bench/link/traffic.ts'
import { request } from './request.ts'

describe('traffic', () => {
  const digest = `sha256:${'ab'.repeat(32)}`
  const layers = [{ digest, size: 10_000, zoneEnd: 3000, tocOffset: 9000 }]
  const ends = { resolve: 1010, tocs: 1030, prefetch: 1100, create: 1110, ready: 1200 }

  test('goes to the phase of its purpose, and after ready to nobody’s', () => {
    const blob = `/v2/x/blobs/${digest}`
    const requests = [
      request(1000, 1008, { path: '/v2/x/manifests/latest' }),
      // The marks of two clocks may be off by a little: this one is a table of contents all the same.
      request(1009, 1025, {
        path: blob,
        range: 'bytes=9000-9999',
        arrivals: [
          [1020, 40],
          [1025, 60],
        ],
      }),
      request(1028, 1090, { path: blob, range: 'bytes=0-2999', arrivals: [[1099, 100]] }),
      request(1105, 1108, { path: blob, range: 'bytes=4000-4999' }),
      request(1195, 1250, {
        path: blob,
        range: 'bytes=5000-5999',
        arrivals: [
          [1199, 10],
          [1250, 90],
        ],
      }),
      request(1210, 1220, { path: blob, range: 'bytes=6000-6999' }),
    ]
    const { phases, traffic, timeline, after } = attribute(requests, { startedAt: 1000, ends }, layers, 1300)
    expect(phases).toEqual({ resolve: 10, tocs: 20, prefetch: 70, create: 10, ready: 90 })
    expect(traffic.resolve).toEqual({ bytes: 100, requests: 1, roundTrips: 1 })
    expect(traffic.tocs).toMatchObject({ bytes: 100, requests: 1 })
    expect(traffic.prefetch).toMatchObject({ bytes: 100, requests: 1 })
    expect(traffic.create).toMatchObject({ bytes: 100, requests: 1 })
    expect(traffic.ready).toMatchObject({ bytes: 10, requests: 1 })
    expect(after).toEqual({ ms: 100, bytes: 190, requests: 1 })
    expect(timeline).toEqual([
      [8, 100],
      [20, 140],
      [25, 200],
      [99, 300],
      [108, 400],
      [199, 410],
      [200, 410],
    ])
  })

  test('phases follow each other without gaps, even where the marks cross', () => {
    const { phases } = attribute([], { startedAt: 1000, ends: { ...ends, create: 1050 } }, [])
    expect(phases).toEqual({ resolve: 10, tocs: 20, prefetch: 70, create: 0, ready: 100 })
  })

  test('round trips count only where they wait for one another', () => {
    expect(longestChain([])).toBe(0)
    expect(longestChain([request(0, 10), request(0, 12), request(1, 11)])).toBe(1)
    expect(longestChain([request(0, 10), request(10, 20), request(25, 30)])).toBe(3)
    expect(longestChain([request(0, 10, { connected: true }), request(10, 20)])).toBe(3)
    // A long one beside three short ones: the short ones are the chain. One under way ends no chain.
    expect(longestChain([request(0, 100), request(0, 10), request(20, 30), request(40, undefined)])).toBe(3)
  })
})
