/** How an image gets next to the link: as it is where a registry would hold it so, else as a copy with every layer compressed. */
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { openIfReadable } from '../../../../image/layers/estargz.ts'
import { tocImageOf } from '../../../../image/layers/external-toc.ts'
import { openSource } from '../../../../image/sources.ts'
import { openTarget } from '../../../../image/targets.ts'
import type { Image } from '../../../../image/types.ts'
import { rebuildImage } from '../../../../optimizer/rebuild/image.ts'
import { stageImage } from '../../../../report/bench/stage/stage-image.ts'
import { startRegistry } from '../../../../scripts/support/registry.ts'
import { readBounded } from '../../../../system/files/read-bounded.ts'
import { createWorkspace } from '../../../../system/workspace.ts'
import { bareImage } from '../../../support/images.ts'
import { Layout, OCI_LAYER } from '../../../support/layout.ts'
import { dir, file } from '../../../support/tar.ts'
import { tempFolder } from '../../../support/temp.ts'

/** Its first layer is not compressed, as those from an engine; the second is. */
async function halfPacked(folder: string, kind: 'oci' | 'docker'): Promise<Image> {
  const layout = new Layout(folder)
  const types = {
    oci: [OCI_LAYER, `${OCI_LAYER}+gzip`],
    docker: [
      'application/vnd.docker.image.rootfs.diff.tar',
      'application/vnd.docker.image.rootfs.diff.tar.gzip',
    ],
  }[kind]
  const layers = [
    await layout.layer([dir('etc/'), file('etc/name', 'base')], (tar) => tar, types[0]),
    await layout.layer([file('app', 'x'.repeat(5000))], undefined, types[1]),
  ]
  const reference = await layout.finish(await layout.image('amd64', layers, { kind }))
  return (await openSource(reference)).image({ os: 'linux', architecture: 'amd64' })
}

test.each([
  ['oci', 'application/vnd.oci.image.layer.v1.tar+gzip'],
  ['docker', 'application/vnd.docker.image.rootfs.diff.tar.gzip'],
] as const)('layers that are not compressed are, in a copy: %s', async (kind, mediaType) => {
  await using temp = await tempFolder()
  await using workspace = await createWorkspace()
  const given = await halfPacked(join(temp.path, kind), kind)
  const reference = await stageImage(given, 'copy', { workspace, name: 'app', pulled: 'whole' })
  expect(reference).not.toBe(given.reference)
  await using source = await openSource(reference)
  const staged = await source.image({ os: 'linux', architecture: 'amd64' })
  expect(staged.manifest.mediaType).toBe(given.manifest.mediaType)
  expect(staged.layers.map(({ descriptor }) => descriptor.mediaType)).toEqual([mediaType, mediaType])
  expect(staged.layers[1]?.descriptor).toMatchObject({ digest: given.layers[1]?.descriptor.digest })
  expect(staged.config.diffIds).toEqual(given.config.diffIds)
  for (const { diffId, descriptor, open } of staged.layers) {
    const bytes = await readBounded(await open(), 1 << 20, 'layer')
    expect(digestOf(bytes)).toBe(descriptor.digest)
    expect(digestOf(gunzipSync(bytes))).toBe(diffId)
  }
})

test('a layout with compressed layers is used where it is, and so is what is pulled directly', async () => {
  await using temp = await tempFolder()
  await using workspace = await createWorkspace()
  const place = { workspace, name: 'app', pulled: 'whole' } as const
  const layout = new Layout(join(temp.path, 'packed'))
  const reference = await layout.finish(await layout.image('amd64', [await layout.layer([file('app', 'x')])]))
  const packed = await (await openSource(reference)).image({ os: 'linux', architecture: 'amd64' })
  expect(await stageImage(packed, 'copy', place)).toBe(reference)
  const remote = bareImage({ reference: 'docker://registry.example/app:1' })
  expect(await stageImage(remote, 'direct', place)).toBe(remote.reference)
})

test('tables of contents of another image are staged beside it, unless it is pulled whole', async () => {
  await using temp = await tempFolder()
  await using workspace = await createWorkspace()
  await using registry = await startRegistry()
  const reference = `docker://${registry.host}/app:1`
  await using target = await openTarget(reference)
  const options = { format: 'estargz+external-toc', threads: 1 } as const
  await rebuildImage({ image: await halfPacked(join(temp.path, 'oci'), 'oci'), target, startup: [], options })
  await using source = await openSource(reference)
  const given = await source.image()
  const [lazy, whole] = [
    await stageImage(given, 'copy', { workspace, name: 'lazy', pulled: 'lazily' }),
    await stageImage(given, 'copy', { workspace, name: 'whole', pulled: 'whole' }),
  ]
  for (const [staged, has] of [
    [lazy, true],
    [whole, false],
  ] as const) {
    await using stage = await openSource(staged)
    expect((await tocImageOf(stage))?.manifest.layers.length).toBe(has ? 2 : undefined)
    const readable = (await stage.image()).layers.map((layer) => openIfReadable(layer))
    expect((await Promise.all(readable)).map((layer) => layer?.tocPlace)).toEqual(
      has ? ['external', 'external'] : [undefined, undefined],
    )
  }
  await using byDigest = await openSource(`docker://${registry.host}/app@${given.descriptor.digest}`)
  const nowhere = await byDigest.image()
  const place = { workspace, name: 'digest', pulled: 'lazily' } as const
  await expect(stageImage(nowhere, 'copy', place)).rejects.toMatchObject({ code: 'E_NO_TOC' })
})
