/**
 * A read-only registry in this process that serves any images: for runtimes and measurements to pull from where there is no
 * registry. Manifests, blobs, HEAD, ranges (several in one request too, since snapshotters ask for them), and lists of what is attached.
 *
 * Source: OCI distribution-spec v1.1, "Pull" and "Listing Referrers"; RFC 9110 section 14.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { messageOf } from '../system/errors.ts'
import { serveOnlyUs } from '../system/process/peer.ts'
import { bytesBlob } from './blob.ts'
import { type ReferrerLists, referrerLists } from './referrers/answer.ts'
import type { Artifact } from './referrers/artifact.ts'
import type { Blob, ByteRange, Image } from './types.ts'

export interface ImageServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  close(): Promise<void>
}

interface Document {
  readonly blob: Blob
  readonly isManifest: boolean
}

/** By path. */
interface Served {
  readonly documents: ReadonlyMap<string, Document>
  readonly lists: ReferrerLists
}

/**
 * @param images by `name:tag`, the name as in a reference without its host
 * @param attached to any of them, by name
 */
export async function serveImages(
  images: Readonly<Record<string, Image>>,
  attached: Readonly<Record<string, readonly Artifact[]>> = {},
): Promise<ImageServer> {
  const documents = new Map([
    ...Object.entries(images).flatMap(([name, image]) => [...documentsOf(name, image)]),
    ...Object.entries(attached).flatMap(([name, artifacts]) => artifacts.flatMap(documentsOfArtifact(name))),
  ])
  const names = Object.keys(images).map((name) => name.slice(0, name.lastIndexOf(':')))
  const served = { documents, lists: referrerLists(names, attached) }
  const server = createServer((request, response) => {
    answer(served, request, response).catch((error: unknown) => fail(response, error))
  })
  serveOnlyUs(server) // what is served may be a private registry's
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const close = async () => {
    server.closeAllConnections()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  return { host: `127.0.0.1:${address.port}`, close, [Symbol.asyncDispose]: close }
}

/** Every path that is served, and its content. */
function* documentsOf(nameAndTag: string, image: Image): Generator<[string, Document]> {
  const colon = nameAndTag.lastIndexOf(':')
  const [name, tag] = [nameAndTag.slice(0, colon), nameAndTag.slice(colon + 1)]
  const manifest = { blob: bytesBlob(image.descriptor, image.rawManifest), isManifest: true }
  yield [`/v2/${name}/manifests/${tag}`, manifest]
  yield [`/v2/${name}/manifests/${image.descriptor.digest}`, manifest]
  for (const blob of [bytesBlob(image.manifest.config, image.rawConfig), ...image.layers])
    yield [`/v2/${name}/blobs/${blob.descriptor.digest}`, { blob, isManifest: false }]
}

const documentsOfArtifact =
  (name: string) =>
  ({ referrer, bytes, blobs }: Artifact): [string, Document][] => [
    [`/v2/${name}/manifests/${referrer.digest}`, { blob: bytesBlob(referrer, bytes), isManifest: true }],
    ...blobs.map((blob): [string, Document] => [
      `/v2/${name}/blobs/${blob.descriptor.digest}`,
      { blob, isManifest: false },
    ]),
  ]

async function answer(
  { documents, lists }: Served,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = pathOf(request)
  const isHead = request.method === 'HEAD'
  response.setHeader('docker-distribution-api-version', 'registry/2.0')
  if (!isHead && request.method !== 'GET') {
    response.setHeader('allow', 'GET, HEAD')
    return refuse(response, 405, 'UNSUPPORTED')
  }
  if (path === '/v2' || path === '/v2/')
    return send(response, 200, { 'content-type': 'application/json' }, '{}', isHead)
  const list = path === undefined ? undefined : lists(path, queryOf(request))
  if (list) return send(response, 200, list.headers, list.body, isHead)
  const found = path === undefined ? undefined : documents.get(path)
  if (!found)
    return refuse(response, 404, path?.includes('/manifests/') ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN')
  const { descriptor } = found.blob
  response.setHeader('docker-content-digest', descriptor.digest)
  response.setHeader('etag', `"${descriptor.digest}"`)
  response.setHeader('accept-ranges', 'bytes')
  const type = found.isManifest ? descriptor.mediaType : 'application/octet-stream'
  const ifRange = request.headers['if-range']
  const isCurrent = ifRange === undefined || ifRange === `"${descriptor.digest}"`
  const ranges = parseRanges(isCurrent ? request.headers.range : undefined, descriptor.size)
  if (ranges === 'unsatisfiable') {
    response.setHeader('content-range', `bytes */${descriptor.size}`)
    return refuse(response, 416, 'RANGE_INVALID')
  }
  await sendBlob(response, found.blob, type, ranges, isHead)
}

/** Only looked up, never resolved: `..` is a name that nothing has. @returns undefined for what can't be a path */
function pathOf(request: IncomingMessage): string | undefined {
  try {
    return decodeURIComponent((request.url ?? '').split('?')[0] ?? '')
  } catch {
    return undefined
  }
}

const queryOf = (request: IncomingMessage): URLSearchParams =>
  new URLSearchParams((request.url ?? '').split('?').slice(1).join('?'))

/** @returns undefined for the whole: no header, or one in a form that a server may ignore */
export function parseRanges(
  header: string | undefined,
  size: number,
): ByteRange[] | 'unsatisfiable' | undefined {
  const list = /^bytes=([\d\s,-]+)$/.exec(header ?? '')?.[1]
  if (list === undefined || list.length > 10_000) return undefined
  const ranges: ByteRange[] = []
  for (const part of list.split(',').map((text) => text.trim())) {
    const [, first, last] = /^(\d*)-(\d*)$/.exec(part) ?? []
    if (first === undefined || last === undefined || first + last === '') return undefined
    const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
    const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1)
    if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
    if (start < end) ranges.push({ start, end })
  }
  // Overlapping ranges could ask for more than there is.
  if (ranges.reduce((sum, { start, end }) => sum + end - start, 0) > size) return undefined
  return ranges.length > 0 ? ranges : 'unsatisfiable'
}

async function sendBlob(
  response: ServerResponse,
  blob: Blob,
  type: string,
  ranges: readonly ByteRange[] | undefined,
  isHead: boolean,
): Promise<void> {
  const { size } = blob.descriptor
  const [only] = ranges ?? []
  if (!ranges || !only) {
    const headers = { 'content-type': type, 'content-length': size }
    return send(response, 200, headers, await contentOf(blob, undefined, isHead), isHead)
  }
  if (ranges.length === 1) {
    const headers = {
      'content-type': type,
      'content-length': only.end - only.start,
      'content-range': `bytes ${only.start}-${only.end - 1}/${size}`,
    }
    return send(response, 206, headers, await contentOf(blob, only, isHead), isHead)
  }
  const boundary = randomBytes(16).toString('hex')
  const head = ({ start, end }: ByteRange) =>
    `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: bytes ${start}-${end - 1}/${size}\r\n\r\n`
  const tail = `\r\n--${boundary}--\r\n`
  const length = ranges.reduce(
    (sum, range) => sum + head(range).length + range.end - range.start,
    tail.length,
  )
  const headers = { 'content-type': `multipart/byteranges; boundary=${boundary}`, 'content-length': length }
  async function* parts() {
    for (const range of ranges ?? []) {
      yield Buffer.from(head(range))
      yield* await blob.open(range)
    }
    yield Buffer.from(tail)
  }
  return send(response, 206, headers, Readable.from(parts(), { objectMode: false }), isHead)
}

const contentOf = async (
  blob: Blob,
  range: ByteRange | undefined,
  isHead: boolean,
): Promise<Readable | string> => (isHead || blob.descriptor.size === 0 ? '' : blob.open(range))

async function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string | number>,
  body: Readable | string,
  isHead: boolean,
): Promise<void> {
  response.writeHead(status, headers)
  if (isHead || typeof body === 'string') {
    response.end(isHead ? undefined : body)
    return
  }
  await pipeline(body, response)
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] }))
}

/** Once bytes were sent, only a closed connection can tell that some are missing. */
function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy()
  else {
    response.writeHead(500, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ errors: [{ code: 'UNKNOWN', message: messageOf(error) }] }))
  }
}
