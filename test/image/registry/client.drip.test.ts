/** A registry that never stops talking and never comes to an end: each request ends, and says why. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect, test, vi } from 'vitest'
import { RegistryClient } from '../../../image/registry/client.ts'
import { Downloader } from '../../../image/registry/download.ts'
import { HANG_MS } from '../../../scripts/support/until.ts'
import { readBounded } from '../../../system/files/read-bounded.ts'

/** The pace is kept by a clock that is fast, and silence by one that is not: of a machine that stands still nobody thinks that the server is silent. */
vi.mock(import('../../../system/clock.ts'), async (original) => {
  const clock = await original()
  return { ...clock, monotonicMs: () => 1000 * clock.monotonicMs() }
})

/** Answers each request with these bytes, then again and again with a few more, until the connection is closed. */
type Drip = (path: string, host: string) => readonly [answer: string, drop: string]

const head = (status: string, ...lines: string[]): string =>
  `${[`HTTP/1.1 ${status}`, ...lines, ''].join('\r\n')}\r\n`
const endless = (status: string, ...lines: string[]): readonly [string, string] => [
  head(status, 'content-length: 100000', ...lines),
  ' ',
]
const whole = head('200 OK', 'content-length: 2').concat('{}')
const hint = head('103 Early Hints', 'link: </x>')

async function startDripping(drip: Drip): Promise<AsyncDisposable & { readonly host: string }> {
  const sockets = new Set<Socket>()
  let host = ''
  const answer = (socket: Socket, path: string) => {
    const [first, drop] = path === '/v2/' ? [whole, ''] : drip(path, host)
    socket.write(first)
    if (drop === '') return
    const timer = setInterval(() => socket.write(drop), 20)
    socket.on('close', () => clearInterval(timer))
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      for (const [, path = ''] of bytes.toString('latin1').matchAll(/^(?:GET|PUT) (\S+) HTTP/gm))
        answer(socket, path)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  return {
    host,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

async function documentFrom(drip: Drip): Promise<string> {
  await using registry = await startDripping(drip)
  await using client = await RegistryClient.connect(registry.host, 'app', { silenceMs: HANG_MS })
  const request = { method: 'GET', url: '/v2/app/x', scopes: [], expected: [200], attempts: 1 } as const
  const { bytes } = await client.document(request, 100_000)
  return bytes.toString()
}

test.each<[string, Drip, RegExp]>([
  ['a document', () => endless('200 OK'), /^an answer of 127\S+ arrives too slowly: \d+ bytes in \d+\.\d s$/],
  [
    'what comes before an answer',
    () => [hint, hint],
    /^http:\S+ keeps sending interim responses, but no final one$/,
  ],
  ['an error', () => endless('418 Teapot'), /answered 418 to GET \/v2\/app\/x$/],
  [
    'a refusal',
    () => endless('401 Unauthorized', 'www-authenticate: Basic realm="x"'),
    /answered 401 to GET/,
  ],
  [
    'a token',
    (path, host) =>
      path.startsWith('/token')
        ? endless('200 OK')
        : [
            head(
              '401 Unauthorized',
              `www-authenticate: Bearer realm="http://${host}/token"`,
              'content-length: 0',
            ),
            '',
          ],
    /^the token of 127\S+ arrives too slowly/,
  ],
])('%s without end', async (_, drip, why) => {
  await expect(documentFrom(drip)).rejects.toThrow(why)
})

test('a redirect without end is followed', async () => {
  const drip: Drip = (path) =>
    path === '/v2/app/x' ? endless('302 Found', 'location: /v2/app/y') : [whole, '']
  expect(await documentFrom(drip)).toBe('{}')
})

test('a blob that trickles in is given up', async () => {
  await using registry = await startDripping(() => endless('200 OK'))
  await using client = await RegistryClient.connect(registry.host, 'app', { silenceMs: HANG_MS })
  const digest = `sha256:${'a'.repeat(64)}` as const
  const blob = { mediaType: 'x', digest, size: 100_000 }
  const stream = await new Downloader(client, 'app').open(blob, undefined, undefined)
  await expect(readBounded(stream, 100_000, 'it')).rejects.toThrow(/^sha256:a+ arrives too slowly: \d+ bytes/)
})
