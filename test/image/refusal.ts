/** What tests of hostile images share: parts of a sound image, and the check that what is wrong is refused in one line. */
import { expect } from 'vitest'
import { digestOf } from '../../image/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../image/media-types.ts'
import { openSource } from '../../image/sources.ts'
import { HeadstartError } from '../../system/errors.ts'

export const DIGEST = `sha256:${'a'.repeat(64)}`
export const LAYER = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: DIGEST, size: 1 }
export const CONFIG = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: DIGEST, size: 1 }
export const MANIFEST = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: CONFIG, layers: [LAYER] }
export const INDEX = {
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests: [{ ...LAYER, mediaType: OCI_MANIFEST }],
}
export const IMAGE_CONFIG = {
  os: 'linux',
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: [DIGEST] },
}

/** The error that `work` ends in: one line of ours, short enough to read. */
export async function refusal(work: () => unknown): Promise<string> {
  const error = await (async () => work())().then(
    () => new Error('it was taken'),
    (cause: unknown) => cause,
  )
  if (!(error instanceof HeadstartError)) throw error
  const { message } = error
  expect(message).not.toMatch(/[\n\r\0]/)
  expect(message.length).toBeLessThan(600)
  return message
}

export const json = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))

export const described = (bytes: Buffer, mediaType: string) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
})

/** Reads the image at a place whole. */
export async function openImage(place: string) {
  await using source = await openSource(place)
  const image = await source.image()
  for (const layer of image.layers) for await (const _ of await layer.open());
  return image
}

/** The tar with the checksum that its first header should have. */
export function withChecksum(tar: Buffer): Buffer {
  tar.fill(' ', 148, 156)
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return tar
}
