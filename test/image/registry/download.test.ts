import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { hashStream } from '../../../image/digest.ts'
import { openSource } from '../../../image/sources.ts'
import { peerSets } from '../../../scripts/support/peers.ts'
import { startRegistry } from '../../../scripts/support/registry.ts'
import { serve } from '../../../scripts/support/serve.ts'
import { readBounded } from '../../../system/files/read-bounded.ts'
import { copy } from '../../support/copy.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { transferPlaces } from './two-layers.ts'

const at = transferPlaces()

afterEach(() => vi.unstubAllEnvs())

/** Makes this Docker's configuration. */
async function logIn(at: string, config: unknown): Promise<void> {
  await writeFile(join(at, 'config.json'), JSON.stringify(config))
  vi.stubEnv('DOCKER_CONFIG', at)
}

test.each(peerSets)('a download goes on where it was cut: %s', async (peers) => {
  const { host } = at.registry(peers)
  await copy(at.original, `docker://${host}/cut:v1`)
  let cuts = 0
  await using proxy = await startFaultProxy(host, (_, { path }) =>
    path.includes('/blobs/') && ++cuts < 8 ? 'cut inside the answer' : undefined,
  )
  await copy(`docker://${proxy.host}/cut:v1`, `oci:${at.folder}/cut-${peers}`)
  expect(proxy.seen.filter(({ headers }) => headers.range !== undefined).length).toBeGreaterThan(2)
})

/** Storage elsewhere, to which a registry redirects for blobs. */
async function startStorage(
  answer: (request: IncomingMessage) => { status: number; body?: Buffer; headers?: object },
) {
  const seen: IncomingMessage['headers'][] = []
  const server = createServer((request, response) => {
    seen.push(request.headers)
    const { status, body, headers } = answer(request)
    response.writeHead(status, { ...headers })
    response.end(body)
  })
  const serving = await serve(server)
  return {
    url: `http://${serving.host}`,
    seen,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  }
}

async function bigLayer(): Promise<{ bytes: Buffer; path: string }> {
  await using source = await openSource(at.original)
  const layer = (await source.image()).layers[1]
  if (!layer) throw new Error('no layer')
  const bytes = await readBounded(await layer.open(), 10 << 20, 'layer')
  return { bytes, path: layer.descriptor.digest }
}

test('a redirect to storage takes no credentials along, is used again, and may expire', async () => {
  const [user, password] = ['user', 'pass:word']
  const auth = Buffer.from(`${user}:${password}`).toString('base64')
  await using basic = await startRegistry({ auth: { user, password } })
  await logIn(at.folder, { auths: { [basic.host]: { auth } } })
  await copy(at.original, `docker://${basic.host}/moved:v1`)
  const { bytes, path } = await bigLayer()
  let expired = false
  await using storage = await startStorage(({ headers: { range } }) => {
    if (expired) return { status: 403 }
    const [, start = 0, last = 0] = /bytes=(\d+)-(\d+)/.exec(range ?? '')?.map(Number) ?? []
    const headers = { 'content-range': `bytes ${start}-${last}/${bytes.length}` }
    return { status: 206, body: bytes.subarray(start, last + 1), headers }
  })
  await using proxy = await startFaultProxy(basic.host, (_, request) => {
    if (!request.path.endsWith(path)) return undefined
    expired = false
    return { status: 307, headers: { location: `${storage.url}/signed?secret=1` } }
  })
  await logIn(at.folder, { auths: { [proxy.host]: { auth } } })
  await using source = await openSource(`docker://${proxy.host}/moved:v1`)
  const layer = (await source.image()).layers[1]
  const read = async (start: number, end: number) => {
    const stream = await layer?.open({ start, end })
    expect(stream && (await readBounded(stream, 1 << 20, 'range'))).toEqual(bytes.subarray(start, end))
  }
  await read(0, 10)
  await read(100, 200)
  const redirected = () => proxy.seen.filter((request) => request.path.endsWith(path)).length
  expect(redirected()).toBe(1)
  expired = true
  await read(300, 400)
  expect(redirected()).toBe(2)
  expect(storage.seen).toHaveLength(4)
  expect(storage.seen.every(({ authorization }) => authorization === undefined)).toBe(true)
})

test('a server that knows no ranges is read from the start', async () => {
  await copy(at.original, `docker://${at.registry('debian').host}/whole:v1`)
  await using proxy = await startFaultProxy(at.registry('debian').host, () => 'no ranges')
  await using source = await openSource(`docker://${proxy.host}/whole:v1`)
  const layer = (await source.image()).layers[1]
  const { bytes } = await bigLayer()
  for (const [start, end] of [
    [0, 5],
    [1000, 300_000],
    [bytes.length - 7, bytes.length],
  ] as const) {
    const stream = await layer?.open({ start, end })
    expect(stream && (await readBounded(stream, 1 << 20, 'range'))).toEqual(bytes.subarray(start, end))
  }
})

test('a server that sends another range is found out', async () => {
  await copy(at.original, `docker://${at.registry('debian').host}/other-range:v1`)
  const { path } = await bigLayer()
  await using proxy = await startFaultProxy(at.registry('debian').host, (_, request) =>
    request.path.endsWith(path) ? { status: 206, headers: { 'content-range': 'bytes 5-9/100' } } : undefined,
  )
  await using source = await openSource(`docker://${proxy.host}/other-range:v1`)
  const layer = (await source.image()).layers[1]
  const reading = async () => {
    const stream = await layer?.open({ start: 0, end: 5 })
    return stream && hashStream(stream)
  }
  await expect(reading()).rejects.toThrow(/sent the wrong range/)
})
