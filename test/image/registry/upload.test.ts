/** Uploads: blobs that exist, mounting, chunks, and resuming after a lost connection. */

import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bytesBlob } from '../../../image/blob.ts'
import { copyImage } from '../../../image/copy.ts'
import { digestOf } from '../../../image/digest.ts'
import { parseReference } from '../../../image/reference.ts'
import { registryTarget } from '../../../image/registry/target.ts'
import { openSource } from '../../../image/sources.ts'
import { type PeerSet, peerSets } from '../../../scripts/support/peers.ts'
import { serve } from '../../../scripts/support/serve.ts'
import { copy } from '../../support/copy.ts'
import { writeImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'
import { type Fault, startFaultProxy } from './fault-proxy.ts'
import { transferPlaces } from './two-layers.ts'

const at = transferPlaces()

test.each(peerSets)(
  'what is there is not sent, and another repository’s blobs are mounted: %s',
  async (peers) => {
    const { host } = at.registry(peers)
    await copy(at.original, `docker://${host}/first:v1`)
    await using proxy = await startFaultProxy(host, () => undefined)
    await copy(at.original, `docker://${proxy.host}/first:v2`)
    expect(proxy.seen.filter(({ method }) => method === 'PATCH')).toEqual([])
    await copy(`docker://${proxy.host}/first:v1`, `docker://${proxy.host}/second:v1`)
    // The config was read already, and goes as it is.
    expect(proxy.seen.filter(({ method, bodyBytes }) => method === 'PATCH' && bodyBytes > 1000)).toEqual([])
    expect(proxy.seen.filter(({ path, status }) => path.includes('mount=') && status === 201)).toHaveLength(2)
  },
)

/** Pushes in chunks of 200,000 bytes, each second of which meets `fault` until it is used up. */
async function pushInChunks(peers: PeerSet, name: string, faults: Fault[]) {
  let patches = 0
  const { host } = at.registry(peers)
  await using proxy = await startFaultProxy(host, (_, { method }) =>
    method === 'PATCH' && ++patches % 2 === 0 ? faults.shift() : undefined,
  )
  await using source = await openSource(at.original)
  const reference = parseReference(`${proxy.host}/${name}:v1`)
  await using target = await registryTarget(reference, { chunkBytes: 200_000 })
  await target.prepare({ force: false })
  const { digest } = await copyImage(await source.image(), target)
  expect(faults).toEqual([])
  expect(await copy(`docker://${host}/${name}:v1`, `oci:${at.folder}/${peers}-${name}`)).toBe(digest)
  return proxy.seen
}

test.each(peerSets)('an upload in chunks goes on where it was: %s', async (peers) => {
  const seen = await pushInChunks(peers, 'chunks', [
    { status: 503 },
    { status: 429 },
    'cut before the answer',
  ])
  const asked = seen.filter(({ method, path }) => method === 'GET' && path.includes('/uploads/'))
  expect(asked.map(({ status }) => status)).toEqual([204, 204, 204])
  const sent = seen.filter(({ method, status }) => method === 'PATCH' && status === 202)
  expect(sent.map(({ headers }) => headers['content-range']).sort()).toContain('400000-599999')
  expect(seen.filter(({ method }) => method === 'POST')).toHaveLength(3)
})

test.each(peerSets)('and starts over only when the registry drops what was cut: %s', async (peers) => {
  const seen = await pushInChunks(peers, 'dropped', ['cut inside the request', 'cut inside the answer'])
  const begun = seen.filter(({ method }) => method === 'POST').length
  if (peers === 'debian') expect(begun).toBeGreaterThan(3)
  else expect(begun, 'the newest keeps it').toBe(3)
})

test('a gateway that limits bodies gets smaller ones', async () => {
  const place = await writeImage(join(at.folder, 'large'), { layers: [[file('big', randomBytes(40 << 20))]] })
  await using proxy = await startFaultProxy(at.registry('debian').host, (_, { method, headers }) =>
    method === 'PATCH' && Number(headers['content-length']) > 33 << 20 ? { status: 413 } : undefined,
  )
  await copy(place, `docker://${proxy.host}/limited:v1`)
  const patches = proxy.seen.filter(({ method, bodyBytes }) => method === 'PATCH' && bodyBytes > 1000)
  expect(patches.map(({ status }) => status)).toEqual([413, 202, 202])
})

test('but not for ever', async () => {
  await expect(
    pushInChunks('debian', 'hopeless', new Array(1000).fill('cut inside the request')),
  ).rejects.toThrow(/can't be reached/)
})

/**
 * A registry that keeps what it got before a cut, as the spec asks. Debian's registry drops it, so this one is made here: uploads in memory,
 * nothing else.
 */
interface Upload {
  bytes: Buffer
  digest: string | undefined
}

/** Cuts every `cutEvery`th PATCH after it took half of it. */
async function startKeepingRegistry(cutEvery: number) {
  const upload: Upload = { bytes: Buffer.alloc(0), digest: undefined }
  const ranges: string[] = []
  const range = () => ({
    range: `0-${Math.max(0, upload.bytes.length - 1)}`,
    location: '/v2/app/blobs/uploads/1',
  })
  const patch = async (request: IncomingMessage, response: ServerResponse) => {
    const [start = 0] = /\d+/.exec(request.headers['content-range'] ?? '')?.map(Number) ?? []
    ranges.push(request.headers['content-range'] ?? '')
    if (start !== upload.bytes.length) return void response.writeHead(416, range()).end()
    const half = Number(request.headers['content-length']) >> 1
    const isCut = ranges.length % cutEvery === 0
    let taken = 0
    for await (const chunk of request) {
      const piece: Buffer = isCut ? chunk.subarray(0, half - taken) : chunk
      upload.bytes = Buffer.concat([upload.bytes, piece])
      taken += piece.length
      if (isCut && taken >= half) return void request.destroy()
    }
    response.writeHead(202, range()).end()
  }
  const server = createServer((request, response) => {
    const { method, url = '' } = request
    if (method === 'HEAD') response.writeHead(404).end()
    else if (method === 'POST') response.writeHead(202, range()).end()
    else if (method === 'PATCH') void patch(request, response).catch(() => response.destroy())
    else if (method === 'GET') response.writeHead(url.includes('uploads') ? 204 : 200, range()).end()
    else {
      upload.digest = new URL(url, 'http://x').searchParams.get('digest') ?? undefined
      response.writeHead(digestOf(upload.bytes) === upload.digest ? 201 : 400).end()
    }
  })
  const serving = await serve(server)
  return {
    host: serving.host,
    upload,
    ranges,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  }
}

test.each([2, 3])('an upload goes on inside a chunk when every %ith is cut', async (cutEvery) => {
  const bytes = randomBytes(1_000_000)
  await using registry = await startKeepingRegistry(cutEvery)
  await using target = await registryTarget(parseReference(`${registry.host}/app:v1`), {
    chunkBytes: 300_000,
  })
  const descriptor = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length }
  expect(await target.putBlob(bytesBlob(descriptor, bytes))).toEqual({ existed: false })
  expect(registry.upload.digest).toBe(descriptor.digest)
  expect(registry.upload.bytes.equals(bytes)).toBe(true)
  // No byte went twice but those of a cut chunk's second half.
  const starts = registry.ranges.map((range) => Number(range.split('-')[0]))
  expect(starts).toEqual([...starts].sort((a, b) => a - b))
  expect(starts.some((start) => start % 300_000 !== 0)).toBe(true)
})
