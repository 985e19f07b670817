/**
 * An upload that goes on in the middle of a chunk, on a registry that keeps what it got before a cut, as the spec asks. Debian's registry
 * drops it, so this one is made here: uploads in memory, nothing else.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { bytesBlob } from '../../../image/blob.ts'
import { digestOf } from '../../../image/digest.ts'
import { parseReference } from '../../../image/reference.ts'
import { registryTarget } from '../../../image/registry/target.ts'

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
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    host: `127.0.0.1:${address.port}`,
    upload,
    ranges,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
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
