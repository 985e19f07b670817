/** Traces as artifacts: what they say of themselves, which are chosen, and content that isn't a trace. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Artifact, makeArtifact } from '../../../image/referrers/artifact.ts'
import { serveImages } from '../../../image/serve.ts'
import { openSource } from '../../../image/sources.ts'
import type { Image, ImageSource } from '../../../image/types.ts'
import {
  attachedTraces,
  chooseTraces,
  readAttached,
  TRACE_ARTIFACT,
  traceArtifact,
} from '../../../tracer/trace/artifact.ts'
import { traceText } from '../../../tracer/trace/file.ts'
import { writeImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'
import { traceFile, traceOf } from './traces.ts'

let folder: string
let source: ImageSource
let image: Image
const trace = traceOf([traceFile('app')])

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-trace-artifact-'))
  source = await openSource(await writeImage(join(folder, 'i'), { layers: [[file('app', 'app')]] }))
  image = await source.image()
})
afterAll(async () => {
  await source[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const madeOf = (mediaType: string, bytes: Uint8Array): Artifact =>
  makeArtifact({
    artifactType: TRACE_ARTIFACT,
    subject: image.descriptor,
    content: { mediaType, bytes },
    annotations: {},
  })

async function read(artifact: Artifact) {
  await using server = await serveImages({ 'app:1': image }, { app: [artifact] })
  await using registry = await openSource(`docker://${server.host}/app:1`)
  const [found] = attachedTraces((await registry.referrers?.(image.descriptor.digest)) ?? [])
  if (found === undefined) throw new Error('it was not found')
  return await readAttached(registry, found, image.descriptor.digest)
}

test('the same trace is the same artifact, and says nothing but counts and a name', () => {
  const artifact = traceArtifact(trace, image.descriptor, 'web')
  expect(traceArtifact(trace, image.descriptor, 'web').referrer).toEqual(artifact.referrer)
  expect(artifact.referrer.annotations).toEqual({
    'org.opencontainers.image.created': trace.run.startedAt,
    'vnd.headstart.trace.name': 'web',
    'vnd.headstart.trace.platform': 'linux/amd64',
    'vnd.headstart.trace.runs': '1',
    'vnd.headstart.trace.files': '1',
    'vnd.headstart.trace.read-bytes': '100',
  })
  expect(JSON.parse(Buffer.from(artifact.bytes).toString())).toMatchObject({
    artifactType: TRACE_ARTIFACT,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', size: 2 },
    subject: { digest: image.descriptor.digest },
  })
})

test('it is read back as it was, compressed or not', async () => {
  const text = Buffer.from(traceText(trace))
  expect(await read(traceArtifact(trace, image.descriptor, 'web'))).toEqual(trace)
  expect(await read(madeOf(`${TRACE_ARTIFACT}+zstd`, zstdCompressSync(text)))).toEqual(trace)
  expect(await read(madeOf(TRACE_ARTIFACT, text))).toEqual(trace)
})

test('content that is no trace is refused', async () => {
  await expect(read(madeOf('text/plain', Buffer.from('x')))).rejects.toThrow(
    /its content is text\/plain, not a trace$/,
  )
  await expect(read(madeOf(`${TRACE_ARTIFACT}+gzip`, Buffer.from('x')))).rejects.toThrow(
    /unpacked, it is damaged$/,
  )
  await expect(read(madeOf(`${TRACE_ARTIFACT}+gzip`, gzipSync('{"version":2}')))).rejects.toThrow(
    /^the profile start .* is not a trace of version 1: version/,
  )
  const bomb = gzipSync(Buffer.alloc(257 << 20), { level: 1 })
  await expect(read(madeOf(`${TRACE_ARTIFACT}+gzip`, bomb))).rejects.toThrow(
    /unpacked, it has more than \d+ bytes$/,
  )
})

const listed = (name: string, startedAt: string) =>
  traceArtifact(traceOf([], { run: { ...trace.run, startedAt } }), image.descriptor, name).referrer

test('the newest of each name is chosen; whoever has no date is the oldest', () => {
  const [old, recent] = [listed('a', '2026-01-01T00:00:00.000Z'), listed('a', '2026-02-01T00:00:00.000Z')]
  const undated = {
    ...listed('a', '2026-03-01T00:00:00.000Z'),
    annotations: { 'vnd.headstart.trace.name': 'b' },
  }
  const other = { ...recent, artifactType: 'application/spdx+json' }
  const found = attachedTraces([undated, old, other, recent])
  expect(found.map(({ referrer }) => referrer)).toEqual([recent, old, undated])
  expect(chooseTraces(found, [], 'x').map(({ referrer }) => referrer)).toEqual([recent, undated])
  expect(() => chooseTraces(found, ['c'], 'x')).toThrow(/^x has no profile named c$/)
  const many = attachedTraces(
    Array.from({ length: 21 }, (_, n) => listed(`n${n}`, '2026-01-01T00:00:00.000Z')),
  )
  expect(() => chooseTraces(many, [], 'x')).toThrow(/profiles under 21 names; at most 20 are merged/)
})
