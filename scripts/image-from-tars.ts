/**
 * image-from-tars.ts TARGET CONFIG.json LAYER.tar…: an image of gzip layers, base first, with CONFIG as its `config` object.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { openTarget } from '../image/targets.ts'
import type { Blob, Descriptor, Digest } from '../image/types.ts'
import { createWorkspace } from '../system/workspace.ts'

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

const [targetName, configFile, ...tars] = process.argv.slice(2)
if (targetName === undefined || configFile === undefined || tars.length === 0) {
  console.error('usage: image-from-tars.ts TARGET CONFIG.json LAYER.tar…')
  process.exit(2)
}

const digestOf = (hash: Hash): Digest => `sha256:${hash.digest('hex')}`

const tap = (hash: Hash): PassThrough =>
  new PassThrough().on('data', (chunk: Buffer) => {
    hash.update(chunk)
  })

await using workspace = await createWorkspace()

async function compress(tar: string, index: number): Promise<{ blob: Blob; diffId: Digest }> {
  const file = join(workspace.folder, `${index}.tar.gz`)
  const [plain, packed] = [createHash('sha256'), createHash('sha256')]
  await pipeline(createReadStream(tar), tap(plain), createGzip(), tap(packed), createWriteStream(file))
  const descriptor: Descriptor = { mediaType: LAYER, digest: digestOf(packed), size: (await stat(file)).size }
  return { blob: { descriptor, open: async () => createReadStream(file) }, diffId: digestOf(plain) }
}

function inMemory(bytes: Buffer, mediaType: string): Blob {
  const descriptor = { mediaType, digest: digestOf(createHash('sha256').update(bytes)), size: bytes.length }
  return { descriptor, open: async () => Readable.from([bytes]) }
}

const layers = await Promise.all(tars.map(compress))
const config = inMemory(
  Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: JSON.parse(await readFile(configFile, 'utf8')),
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: tars.map((tar) => ({ created_by: `layer of ${tar.replace(/.*\//, '')}` })),
    }),
  ),
  CONFIG,
)
const descriptors = layers.map(({ blob }) => blob.descriptor)
const manifest = { schemaVersion: 2, mediaType: MANIFEST, config: config.descriptor, layers: descriptors }

await using target = await openTarget(targetName, {})
await target.prepare({ force: true })
for (const blob of [...layers.map((layer) => layer.blob), config]) await target.putBlob(blob)
await target.putManifest(Buffer.from(JSON.stringify(manifest)), MANIFEST, { tagged: true })
