/**
 * Small real images as OCI layouts. `writeImage` makes one of any layers; `busyboxImage` is one that runs: Debian's static
 * busybox with its applets, /etc, /tmp, in two layers.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Digest, Image } from '../../image/types.ts'
import { runCommand } from '../../system/process/command.ts'
import { dir, file, symlink, type TarItem, tarOf } from './tar.ts'

export interface ImageSpec {
  readonly tag?: string
  /** items, or a whole tar, which is compressed once, however many images it is in */
  readonly layers: readonly (readonly TarItem[] | Buffer)[]
  /** the config's `config` object: Env, Cmd, Entrypoint, WorkingDir, User, … */
  readonly config?: Record<string, unknown>
}

/** How an image runs whose config says nothing. */
export const NO_PROCESS = {
  env: [],
  entrypoint: [],
  cmd: [],
  workingDir: '',
  user: '',
  stopSignal: undefined,
  exposedPorts: [],
  volumes: [],
  healthcheck: undefined,
}

/** An image that is only spoken of: it has no layers. */
export function bareImage({
  reference = 'web:1',
  digest = '0'.repeat(64),
  diffIds = [],
}: {
  reference?: string
  digest?: string
  diffIds?: readonly string[]
} = {}): Image {
  const digestOf = (text: string): Digest => `sha256:${text.replace('sha256:', '')}`
  const descriptor = { mediaType: '', digest: digestOf(digest), size: 0 }
  return {
    reference,
    descriptor,
    manifest: { mediaType: '', config: descriptor, layers: [] },
    rawManifest: Buffer.alloc(0),
    rawConfig: Buffer.alloc(0),
    layers: [],
    config: {
      platform: { os: 'linux', architecture: 'amd64' },
      diffIds: diffIds.map(digestOf),
      history: [],
      process: NO_PROCESS,
    },
  }
}

const sha256 = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const compressed = new WeakMap<Buffer, Buffer>()

function gzipped(tar: Buffer): Buffer {
  const bytes = compressed.get(tar) ?? gzipSync(tar)
  compressed.set(tar, bytes)
  return bytes
}

/** Writes an image of gzip layers into an OCI layout at `folder` and gives its reference `oci:FOLDER:TAG`. */
export async function writeImage(folder: string, spec: ImageSpec): Promise<string> {
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true })
  const put = async (bytes: Buffer, mediaType: string) => {
    const digest = sha256(bytes)
    await writeFile(join(folder, 'blobs/sha256', digest.slice(7)), bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const tars = await Promise.all(spec.layers.map((layer) => (Buffer.isBuffer(layer) ? layer : tarOf(layer))))
  const layers = await Promise.all(
    tars.map((tar) => put(gzipped(tar), 'application/vnd.oci.image.layer.v1.tar+gzip')),
  )
  const config = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: spec.config ?? {},
    rootfs: { type: 'layers', diff_ids: tars.map(sha256) },
    history: tars.map((_, index) => ({ created_by: `layer ${index}` })),
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: await put(Buffer.from(JSON.stringify(config)), 'application/vnd.oci.image.config.v1+json'),
    layers,
  }
  const descriptor = await put(Buffer.from(JSON.stringify(manifest)), manifest.mediaType)
  const tag = spec.tag ?? 'latest'
  const index = {
    schemaVersion: 2,
    manifests: [{ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } }],
  }
  await writeFile(join(folder, 'index.json'), JSON.stringify(index))
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  return `oci:${folder}:${tag}`
}

/** Items of a root that runs: a static busybox and links to its applets. */
export async function busyboxRoot(): Promise<TarItem[]> {
  const applets = (await runCommand('busybox', ['--list']))
    .split('\n')
    .filter((name) => name !== '' && name !== 'busybox')
  return [
    ...['bin', 'etc', 'tmp', 'root', 'proc', 'sys', 'dev', 'usr', 'var', 'run'].map((name) =>
      dir(`${name}/`),
    ),
    file('bin/busybox', await readFile('/bin/busybox'), { mode: 0o755 }),
    ...applets.map((name) => symlink(`bin/${name}`, 'busybox')),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000::/tmp:/bin/sh\n'),
    file('etc/group', 'root:x:0:\nweb:x:1000:\nextra:x:1001:web\n'),
  ]
}

let busybox: Promise<Buffer> | undefined

/** The root as a layer, which is packed once, however many images it is in. */
export const busyboxLayer = (): Promise<Buffer> => (busybox ??= busyboxRoot().then(tarOf))

/** busybox below, `app` above; runs `/bin/sh -c COMMAND`. */
export async function busyboxImage(
  folder: string,
  options: { command: string; app?: readonly TarItem[]; config?: Record<string, unknown> },
): Promise<string> {
  return writeImage(folder, {
    layers: [await busyboxLayer(), options.app ?? [file('app.txt', 'hello\n')]],
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh', '-c', options.command], ...options.config },
  })
}
