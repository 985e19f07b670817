/** The link is as slow as requested: measured by a client, with a real server behind it. */

import { Agent, createServer, request } from 'node:http'
import { afterAll, describe, expect, test } from 'vitest'
import { startLink } from '../../../../report/bench/link/link.ts'
import { chooseLink } from '../../../../report/bench/link/presets.ts'
import { serve } from '../../../../scripts/support/serve.ts'
import { until } from '../../../../scripts/support/until.ts'

const server = createServer((incoming, outgoing) => {
  incoming.resume()
  incoming.on('end', () =>
    outgoing.end(Buffer.alloc(Number(new URL(incoming.url ?? '/', 'http://x').searchParams.get('n')))),
  )
})
const { host: upstream } = await serve(server)
afterAll(() => void server.close())

function get(host: string, bytes: number, options: { agent?: Agent; body?: Buffer } = {}): Promise<number> {
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const asked = request(
      `http://${host}/blob?n=${bytes}`,
      { method: options.body ? 'POST' : 'GET', agent: options.agent ?? new Agent() },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(performance.now() - start))
        answer.on('error', reject)
      },
    )
    asked.on('error', reject)
    asked.end(options.body)
  })
}

const link = (bitsPerSecond: number | null, roundTripMs: number) =>
  startLink(upstream, { name: 'custom', bitsPerSecond, roundTripMs })

/** Tried until it does: a busy machine can make a try slower, never quicker; a round trip or a byte that counts twice makes it twice as slow. */
async function takes(asked: number, attempt: () => Promise<number>): Promise<void> {
  await until(`it takes ${asked} ms`, async () => {
    const ms = await attempt()
    expect(ms).toBeGreaterThan(asked * 0.9)
    return ms < asked * 1.5
  })
}

describe('the link', () => {
  test('passes 4 MB at 40 Mbit/s in 0.8 s, whether one connection asks or four', async () => {
    await using slow = await link(40_000_000, 0)
    await takes(800, () => get(slow.host, 4_000_000))
    await takes(800, async () => {
      const start = performance.now()
      await Promise.all([1, 2, 3, 4].map(() => get(slow.host, 1_000_000)))
      return performance.now() - start
    })
  })

  test('makes uploads as slow', async () => {
    await using slow = await link(40_000_000, 0)
    await takes(400, () => get(slow.host, 0, { body: Buffer.alloc(2_000_000) }))
  })

  test('costs one round trip a request, and one more for a new connection', async () => {
    await using far = await link(null, 200)
    await takes(400, () => get(far.host, 10))
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    await get(far.host, 10, { agent })
    await takes(200, () => get(far.host, 10, { agent }))
    agent.destroy()
  })

  test('records every request with its bytes, and starts over under another name', async () => {
    await using counted = await link(null, 0)
    await get(counted.host, 70_000)
    await get(counted.host, 5, { body: Buffer.from('x') })
    const requests = await counted.requests()
    expect(requests.map(({ method, path, status, bytes }) => ({ method, path, status, bytes }))).toEqual([
      { method: 'GET', path: '/blob?n=70000', status: 200, bytes: 70_000 },
      { method: 'POST', path: '/blob?n=5', status: 200, bytes: 5 },
    ])
    expect(requests[0]?.arrivals.reduce((sum, [, bytes]) => sum + bytes, 0)).toBe(70_000)
    await counted.begin('second')
    expect(await counted.requests()).toEqual([])
    // Earlier names are no longer served, and requests for them are not recorded.
    expect((await fetch(`http://${counted.host}/v2/first/app/blobs/x?n=3`)).status).toBe(404)
    expect((await fetch(`http://${counted.host}/v2/second/app/blobs/x?n=3`)).status).toBe(200)
    expect((await counted.requests()).map(({ path }) => path)).toEqual(['/v2/app/blobs/x?n=3'])
  })

  test('breaks the connection when the server behind it is gone', async () => {
    await using lost = await startLink('127.0.0.1:1', chooseLink('none'))
    await expect(get(lost.host, 1)).rejects.toThrow(/hang up|ECONNRESET/)
  })
})
