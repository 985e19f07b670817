/** A layer that may not be distributed stays where it is: neither read nor sent, its descriptor as it was. */

import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unpackLayers } from '../../../image/rootfs/unpack/layers.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Image } from '../../../image/types.ts'
import { verifyImage } from '../../../image/verify.ts'
import { rebuildImage } from '../../../optimizer/rebuild/image.ts'
import { sandbox } from '../../support/headstart.ts'
import { writeImage } from '../../support/images.ts'
import { startFile } from '../../support/optimized.ts'
import { file } from '../../support/tar.ts'

const FOREIGN = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'

/** The same image, its base layer elsewhere. */
function withForeignBase(image: Image): Image {
  const [base, ...others] = image.layers
  if (!base) throw new Error('no layer')
  const descriptor = { ...base.descriptor, mediaType: FOREIGN, urls: ['https://example.invalid/base'] }
  const open = () => Promise.reject(new Error('it is elsewhere'))
  const layers = [descriptor, ...others.map((layer) => layer.descriptor)]
  const raw = { ...JSON.parse(Buffer.from(image.rawManifest).toString()), layers }
  return {
    ...image,
    manifest: { ...image.manifest, layers },
    rawManifest: Buffer.from(JSON.stringify(raw)),
    layers: [{ ...base, descriptor, open }, ...others],
  }
}

test('a foreign layer is passed through, and not checked: that is said', async () => {
  const folder = await mkdtemp('/var/tmp/hs-foreign-')
  try {
    await using source = await openSource(
      await writeImage(join(folder, 'in'), { layers: [[file('base')], [file('app', 'x')]] }),
    )
    const image = withForeignBase(await source.image())
    await using target = await openTarget(`oci:${folder}/out`)
    await target.prepare({ force: false })
    const startup = [startFile('app')]

    const { layers } = await rebuildImage({ image, target, startup })

    expect(layers.map(({ how }) => how)).toEqual(['kept', 'converted'])
    await using result = await openSource(`oci:${folder}/out`)
    const { manifest, config } = await result.image()
    expect(manifest.layers[0]).toMatchObject({
      mediaType: FOREIGN,
      digest: image.layers[0]?.descriptor.digest,
      urls: ['https://example.invalid/base'],
    })
    expect(config.diffIds[0]).toBe(image.config.diffIds[0])

    await expect(unpackLayers(await result.image(), join(folder, 'root'))).rejects.toMatchObject({
      code: 'E_UNPACK',
      message: expect.stringContaining('its bytes are at https://example.invalid/base'),
    })
    const unchecked: string[] = []
    const onUnchecked = (layer: number, message: string) => unchecked.push(`${layer} ${message}`)
    expect(await verifyImage(await result.image(), { onUnchecked })).toEqual([])
    expect(unchecked).toEqual([`0 is not checked: ${FOREIGN}, its bytes are at https://example.invalid/base`])
    await using box = await sandbox()
    const { stdout, stderr } = await box.run(['verify', `oci:${folder}/out`])
    expect(stderr).toContain('layer 1 of 2 is not checked')
    expect(stdout).toContain('is sound as far as it could be checked: 1 of 2 layers')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
