/** The read-only registry: what it says to odd requests, over the wire as they come. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ImageServer, parseRanges, serveImages } from '../../image/serve.ts'
import { openSource } from '../../image/sources.ts'
import type { Image, ImageSource } from '../../image/types.ts'
import { runCommand } from '../../system/process/command.ts'
import { writeImage } from '../support/images.ts'
import { file } from '../support/tar.ts'

let folder: string
let source: ImageSource
let image: Image
let server: ImageServer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-serve-'))
  source = await openSource(
    await writeImage(join(folder, 'i'), { layers: [[file('big', randomBytes(9000))]] }),
  )
  image = await source.image()
  server = await serveImages({ 'team/app:v1': image })
})

afterAll(async () => {
  await server.close()
  await source[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const layer = () => image.layers[0]?.descriptor ?? expect.fail()

/** Sent as it stands, which clients would tidy up. */
async function raw(lines: readonly string[]): Promise<{ status: number; head: string; body: Buffer }> {
  const [host, port] = server.host.split(':')
  const socket = connect(Number(port), host)
  socket.write(`${[...lines, 'host: x', 'connection: close'].join('\r\n')}\r\n\r\n`)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of socket) chunks.push(chunk)
  } catch {
    // Cut off, with what came before.
  }
  const bytes = Buffer.concat(chunks)
  const end = bytes.indexOf('\r\n\r\n')
  const head = bytes.subarray(0, end).toString().toLowerCase()
  return { status: Number(head.split(' ')[1]), head, body: bytes.subarray(end + 4) }
}

const blobPath = () => `/v2/team/app/blobs/${layer().digest}`

test.each([
  ['dots', '/v2/team/app/blobs/../../../../etc/passwd', 404],
  ['encoded dots', '/v2/%2e%2e/%2e%2e/etc/passwd', 404],
  ['broken encoding', '/v2/%zz/blobs/x', 404],
  ['half a character', '/v2/%ff/manifests/x', 404],
  ['NUL', '/v2/%00/manifests/x', 404],
  ['nothing', '/', 404],
  ['another host’s address', 'http://169.254.169.254/', 404],
  ['an object’s own names', '/__proto__', 404],
  ['an unknown digest', `/v2/team/app/blobs/sha256:${'0'.repeat(64)}`, 404],
  ['an unknown tag', '/v2/team/app/manifests/v2', 404],
])('unknown: %s', async (_, path, status) => {
  for (const method of ['GET', 'HEAD']) {
    const answer = await raw([`${method} ${path} HTTP/1.1`])
    expect(answer.status).toBe(status)
    if (method === 'GET')
      expect(String(answer.body)).toMatch(/"errors":\[\{"code":"(BLOB|MANIFEST)_UNKNOWN","message":"/)
    else expect(answer.body).toHaveLength(0)
  }
})

test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s is not allowed', async (method) => {
  const answer = await raw([`${method} ${blobPath()} HTTP/1.1`, 'content-length: 0'])
  expect(answer.status).toBe(405)
  expect(answer.head).toContain('allow: get, head')
  expect(String(answer.body)).toContain('UNSUPPORTED')
})

test('headers without an end, and what is not HTTP', async () => {
  // Its answer may be lost, when the connection is closed on what wasn't read.
  const { status } = await raw([`GET ${blobPath()} HTTP/1.1`, `x: ${'x'.repeat(100_000)}`])
  expect([431, Number.NaN]).toContain(status)
  expect((await raw(['\u0000\u0001'])).status).toBe(400)
})

test.each<[string, number, string]>([
  ['bytes=0-9', 206, 'content-range: bytes 0-9/SIZE'],
  ['bytes=-10', 206, 'content-range: bytes TAIL-LAST/SIZE'],
  ['bytes=5-', 206, 'content-range: bytes 5-LAST/SIZE'],
  ['bytes=0-99999999999999999999', 206, 'content-range: bytes 0-LAST/SIZE'],
  ['bytes=-99999999', 206, 'content-range: bytes 0-LAST/SIZE'],
  ['bytes=0-0,2-3', 206, 'multipart/byteranges'],
  ['bytes=99999999-', 416, 'content-range: bytes */SIZE'],
  ['bytes=-0', 416, 'content-range: bytes */SIZE'],
  ['bytes=9-5', 200, 'content-length: SIZE'],
  ['bytes=x', 200, 'content-length: SIZE'],
  ['lines=0-5', 200, 'content-length: SIZE'],
  [`bytes=${new Array(500).fill('0-').join()}`, 200, 'content-length: SIZE'],
])('range %.30s', async (range, status, header) => {
  const { size } = layer()
  for (const method of ['GET', 'HEAD']) {
    const answer = await raw([`${method} ${blobPath()} HTTP/1.1`, `range: ${range}`])
    expect(answer.status).toBe(status)
    const expected = header.replace('SIZE', `${size}`).replace('LAST', `${size - 1}`)
    expect(answer.head).toContain(expected.replace('TAIL', `${size - 10}`))
    if (method === 'HEAD') expect(answer.body).toHaveLength(0)
  }
})

test('a range of what has changed since is the whole', async () => {
  const ask = async (tag: string) =>
    (await raw([`GET ${blobPath()} HTTP/1.1`, 'range: bytes=0-9', `if-range: ${tag}`])).status
  expect(await ask('"sha256:other"')).toBe(200)
  expect(await ask(`"${layer().digest}"`)).toBe(206)
})

test('ranges that overlap give no more than there is', () => {
  expect(parseRanges('bytes=0-9,5-9', 10)).toBeUndefined()
  expect(parseRanges('bytes=0-4,5-9', 10)).toHaveLength(2)
})

test('the loopback alone is listened to', async () => {
  const [, port] = server.host.split(':')
  const others = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).filter(({ internal, family }) => !internal && family === 'IPv4'),
  )
  for (const { address } of others) {
    const socket = connect(Number(port), address)
    const outcome = await new Promise((resolve) => {
      socket.once('connect', () => resolve('connected')).once('error', () => resolve('refused'))
    })
    socket.destroy()
    expect(outcome).toBe('refused')
  }
  expect(server.host).toMatch(/^127\.0\.0\.1:\d+$/)
})

test('skopeo takes an image from it', async () => {
  const from = `docker://${server.host}/team/app:v1`
  await runCommand('skopeo', ['copy', '--src-tls-verify=false', from, `oci:${folder}/copied:v1`])
  await using copied = await openSource(`oci:${folder}/copied:v1`)
  expect((await copied.image()).descriptor.digest).toBe(image.descriptor.digest)
})
