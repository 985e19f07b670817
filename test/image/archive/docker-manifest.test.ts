/** Which image of an archive is meant, and the manifest that is made for it. */
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Archive } from '../../../image/archive/archive.ts'
import { selectDockerImage, synthesizeManifest } from '../../../image/archive/docker-manifest.ts'
import { digestOf } from '../../../image/digest.ts'
import { OCI_LAYER_GZIP, OCI_LAYER_TAR } from '../../../image/media-types.ts'
import { parseReference } from '../../../image/reference.ts'

/** An archive of these files, each at a place that tells which it is. */
function archiveOf(files: Readonly<Record<string, string | Buffer>>): Archive {
  const all = Object.entries(files).map(([path, content]) => ({ path, content: Buffer.from(content) }))
  const find = (path: string) => {
    const offset = all.findIndex((each) => each.path === path)
    return offset < 0 ? undefined : { offset, size: all[offset]?.content.length ?? 0, start: offset }
  }
  const entry = (path: string) => {
    const found = find(path)
    if (!found) throw new Error(`no ${path}`)
    return found
  }
  const contentAt = ({ offset }: { offset: number }) => all[offset]?.content ?? Buffer.alloc(0)
  return {
    index: { find, entry, end: 0 },
    small: async (path) => contentAt(entry(path)),
    head: async (at, length) => contentAt(at).subarray(0, length),
    stream: (at) => Readable.from([contentAt(at)], { objectMode: false }),
  }
}

const HEX = 'a'.repeat(64)
const image = (tags: string[] | null, config = `${HEX}.json`) => ({
  Config: config,
  RepoTags: tags,
  Layers: ['l'],
})
const select = (images: unknown, name?: string) =>
  selectDockerImage(
    archiveOf({ 'manifest.json': JSON.stringify(images) }),
    name === undefined ? undefined : parseReference(name),
    'the archive',
  )

test('the only one, or the one with the name, however it is spelled', async () => {
  expect(await select([image(null)])).toEqual({ config: `${HEX}.json`, configHex: HEX, layers: ['l'] })
  const two = [image(['app:1']), image(['no name!', 'library/app:2'], `blobs/sha256/${HEX}`)]
  expect(await select(two, 'app:2')).toMatchObject({ config: `blobs/sha256/${HEX}` })
})

test.each<[string, unknown, string | undefined, string, string]>([
  [
    'one of several',
    [image(['a:1']), image(['b:1'])],
    undefined,
    'holds 2 images; say which',
    'It has a:1, b:1',
  ],
  [
    'unnamed ones',
    [image(null), image([])],
    undefined,
    'holds 2 images; say which',
    'It has 2 unnamed images',
  ],
  ['another', [image(['a:1'])], 'a:2', 'is not in the archive', 'It has a:1'],
])('%s is not guessed', async (_, images, name, why, hint) => {
  await expect(select(images, name)).rejects.toMatchObject({ message: `the archive ${why}`, hint })
})

test('what is not a list of images is refused', async () => {
  await expect(select([{ RepoTags: [] }])).rejects.toMatchObject({ code: 'E_ARCHIVE' })
})

const config = (diffIds: string[]) =>
  JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: diffIds } })
const packed = gzipSync('packed')
const saved = { config: 'config', configHex: HEX, layers: ['plain', 'packed'] }
const files = {
  plain: 'a plain tar',
  packed,
  config: config([digestOf('a plain tar'), digestOf('packed')]),
}

test('a manifest is made of config and layers, plain or packed, and finds their bytes', async () => {
  const archive = archiveOf(files)
  const { descriptor, bytes, locate } = await synthesizeManifest(archive, saved, 'the archive')
  const manifest = JSON.parse(bytes.toString())
  expect(manifest.layers).toEqual([
    { mediaType: OCI_LAYER_TAR, size: 11, digest: digestOf('a plain tar') },
    { mediaType: OCI_LAYER_GZIP, size: packed.length, digest: digestOf(packed) },
  ])
  expect(manifest.config.digest).toBe(digestOf(files.config))
  expect(descriptor).toMatchObject({ digest: digestOf(bytes), size: bytes.length })
  for (const [digest, path] of [
    [manifest.config.digest, 'config'],
    [digestOf(packed), 'packed'],
  ])
    expect(locate(digest)).toEqual(archive.index.entry(path))
  expect(locate(digestOf('packed'))).toBeUndefined()
})

test('layers that the config does not name are refused', async () => {
  const archive = archiveOf({ ...files, config: config([digestOf('a plain tar')]) })
  await expect(synthesizeManifest(archive, saved, 'the archive')).rejects.toThrow(
    /it has 2 layers; the config names 1/,
  )
})
