/** The next build of an image: the same layers, and a small one of its own on top, as when an application has changed. */
import { gzipSync } from 'node:zlib'
import { bytesBlob } from '../../image/blob.ts'
import { digestOf } from '../../image/digest.ts'
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST } from '../../image/media-types.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import { file, tarOf } from '../../test/support/tar.ts'

/** @param from whose layers are there already; both names are of one repository of a registry */
export async function pushNextBuild(from: string, to: string): Promise<void> {
  await using source = await openSource(from)
  const image = await source.image()
  const tar = await tarOf([file('build.txt', to)])
  const layer = gzipSync(tar)
  const config = edited(image.rawConfig, {
    rootfs: { type: 'layers', diff_ids: [...image.config.diffIds, digestOf(tar)] },
    history: undefined,
  })
  const described = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  })
  const [top, settings] = [described(OCI_LAYER_GZIP, layer), described(OCI_CONFIG, config)]
  const layers = [...image.manifest.layers, top]
  await using target = await openTarget(to)
  await target.prepare({ force: false })
  for (const each of image.layers) await target.putBlob(each)
  await target.putBlob(bytesBlob(top, layer))
  await target.putBlob(bytesBlob(settings, config))
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: settings, layers }
  await target.putManifest(Buffer.from(JSON.stringify(manifest)), OCI_MANIFEST, { tagged: true })
}

function edited(document: Uint8Array, changes: Record<string, unknown>): Buffer {
  const parsed: unknown = JSON.parse(Buffer.from(document).toString('utf8'))
  return Buffer.from(JSON.stringify(Object.assign({}, parsed, changes)))
}
