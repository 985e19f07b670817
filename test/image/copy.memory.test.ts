/** A layer of 2 GiB passes through every transport and is unpacked in bounded memory. */
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf, hashStream } from '../../image/digest.ts'
import { END_OF_TAR, plainFileHeader } from '../../image/tar/encode.ts'
import { BLOCK } from '../../image/tar/entry.ts'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { runCommand } from '../../system/process/command.ts'
import { workspaceRoot } from '../../system/workspace.ts'

const SIZE = 2 ** 31
const LIMIT_MIB = 300
let folder: string
let registry: TestRegistry
let layout: string

/** A tar of two gibibytes of zeros, which takes no disk: the file is a hole, but every byte of it is moved and hashed. */
async function writePlain(path: string): Promise<void> {
  await writeFile(path, plainFileHeader('big', SIZE))
  await truncate(path, BLOCK + SIZE + END_OF_TAR.length)
}

/** The same tar compressed, in members of 64 MiB. */
async function writePacked(path: string): Promise<void> {
  const zeros = gzipSync(Buffer.alloc(64 << 20), { level: 1 })
  const members = new Array(SIZE / (64 << 20)).fill(zeros)
  await writeFile(path, [gzipSync(plainFileHeader('big', SIZE)), ...members, gzipSync(END_OF_TAR)])
}

async function writeBlob(bytes: Buffer, mediaType: string) {
  const digest = digestOf(bytes)
  await writeFile(join(layout, 'blobs/sha256', digest.slice(7)), bytes)
  return { mediaType, digest, size: bytes.length }
}

/** Moves a layer into the layout. @returns the layer's digest, and the descriptor of an image of that layer alone */
async function writeLayout(tag: string, file: string, mediaType: string, diffId?: string) {
  const { digest, size } = await hashStream(createReadStream(file, { highWaterMark: 4 << 20 }))
  await rename(file, join(layout, 'blobs/sha256', digest.slice(7)))
  const config = {
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [diffId ?? digest] },
  }
  const manifest = {
    schemaVersion: 2,
    config: await writeBlob(Buffer.from(JSON.stringify(config)), 'application/vnd.oci.image.config.v1+json'),
    layers: [{ mediaType, digest, size }],
  }
  const descriptor = await writeBlob(
    Buffer.from(JSON.stringify(manifest)),
    'application/vnd.oci.image.manifest.v1+json',
  )
  return { digest, descriptor: { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } } }
}

beforeAll(async () => {
  folder = await mkdtemp(join(workspaceRoot(), 'hs-memory-'))
  layout = join(folder, 'layout')
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true })
  registry = await startRegistry()
  const [plain, packed] = [join(folder, 'plain.tar'), join(folder, 'packed.tar.gz')]
  await writePlain(plain)
  await writePacked(packed)
  const type = 'application/vnd.oci.image.layer.v1.tar'
  const whole = await writeLayout('plain', plain, type)
  const { descriptor } = await writeLayout('packed', packed, `${type}+gzip`, whole.digest)
  const manifests = [whole.descriptor, descriptor]
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
})

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function peakMiB(...args: string[]): Promise<number> {
  const program = join(import.meta.dirname, 'peak-memory.ts')
  return Number(await runCommand(process.execPath, [program, ...args])) / 1024
}

test('2 GiB into a registry, out of it and unpacked: memory stays bounded', async () => {
  const place = `docker://${registry.host}/big:v1`
  const peaks: Record<string, number> = {}
  peaks.push = await peakMiB('copy', `oci:${layout}:plain`, place)
  for (const [what, from] of [
    ['pull and unpack', place],
    ['unpack gzip', `oci:${layout}:packed`],
  ] as const) {
    const root = join(folder, what)
    await mkdir(root)
    peaks[what] = await peakMiB('unpack', from, root)
    expect((await stat(join(root, 'big'))).size).toBe(SIZE)
  }
  console.log(
    `peak RSS in MiB: ${Object.entries(peaks)
      .map(([what, mib]) => `${what} ${mib.toFixed(0)}`)
      .join(', ')}`,
  )
  for (const peak of Object.values(peaks)) expect(peak).toBeLessThan(LIMIT_MIB)
})
