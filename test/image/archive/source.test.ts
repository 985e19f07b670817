/** Archives that are damaged or hostile: each is refused in one line that says what is wrong. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { END_OF_TAR, plainFileHeader } from '../../../image/tar/encode.ts'
import { file, tarOf } from '../../support/tar.ts'
import { IMAGE_CONFIG, openImage, refusal, withChecksum } from '../refusal.ts'

let folder: string
let count = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-archive-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function archive(bytes: Buffer): Promise<string> {
  const path = join(folder, `archive-${++count}.tar`)
  await writeFile(path, bytes)
  return path
}

test.each<[string, () => Promise<string>, RegExp]>([
  ['a file that isn’t there', async () => 'docker-archive:/nowhere.tar', /can't be read: no such file/],
  ['a folder', async () => `docker-archive:${folder}`, /is not a file/],
  [
    'one packed with bzip2',
    async () => `docker-archive:${await archive(compressed('bzip2'))}`,
    /is compressed with bzip2, which is not supported/,
  ],
  [
    'no tar',
    async () => `docker-archive:${await archive(Buffer.alloc(4096, 'x'))}`,
    /^docker-archive:.* is not a tar archive$/,
  ],
  ['an empty file', async () => `docker-archive:${await archive(Buffer.alloc(0))}`, /has no "manifest.json"/],
  [
    'gzip that isn’t',
    async () => `docker-archive:${await archive(Buffer.from([0x1f, 0x8b, 1, 2, 3, 4]))}`,
    /can't be decompressed/,
  ],
  [
    'a manifest that is no list',
    async () => `docker-archive:${await archive(await tarOf([file('manifest.json', '{}')]))}`,
    /manifest.json of .* is wrong/,
  ],
  [
    'a manifest that is no JSON',
    async () => `docker-archive:${await archive(await tarOf([file('manifest.json', '{')]))}`,
    /manifest.json of .* is not JSON/,
  ],
  [
    'a config that is missing',
    async () =>
      `docker-archive:${await archive(await tarOf([file('manifest.json', '[{"Config":"x.json","Layers":[]}]')]))}`,
    /has no "x.json"/,
  ],
  [
    'a config outside',
    async () =>
      `docker-archive:${await archive(await tarOf([file('manifest.json', '[{"Config":"../../etc/passwd","Layers":[]}]')]))}`,
    /leaves its folder/,
  ],
  [
    'more layers than its config',
    async () =>
      `docker-archive:${await archive(await tarOf([file('manifest.json', '[{"Config":"c","Layers":["l"]}]'), file('c', JSON.stringify({ ...IMAGE_CONFIG, rootfs: { type: 'layers', diff_ids: [] } })), file('l')]))}`,
    /has 1 layers; the config names 0/,
  ],
  [
    'a name it doesn’t have',
    async () =>
      `docker-archive:${await archive(await tarOf([file('manifest.json', '[{"Config":"c","RepoTags":["a:1"],"Layers":[]}]')]))}:b:1`,
    /is not in the archive/,
  ],
  [
    'a tar that ends early',
    async () =>
      `docker-archive:${await archive((await tarOf([file('manifest.json', 'x'.repeat(2000))])).subarray(0, 1024))}`,
    /ends inside/,
  ],
  [
    'a layout without its index',
    async () =>
      `oci-archive:${await archive(await tarOf([file('oci-layout', '{"imageLayoutVersion":"1.0.0"}')]))}`,
    /has no "index.json"/,
  ],
  [
    'a terabyte of manifest',
    async () => {
      const tar = await tarOf([file('manifest.json', '')])
      tar.write('77777777777\0', 124, 'latin1')
      return `docker-archive:${await archive(withChecksum(tar))}`
    },
    /ends inside/,
  ],
])('archive: %s', async (_, make, why) => {
  const place = await make()
  expect(await refusal(() => openImage(place))).toMatch(why)
})

const compressed = (program: string, ...args: string[]): Buffer =>
  execFileSync(program, [...args, '-c'], { input: Buffer.concat([plainFileHeader('a', 0), END_OF_TAR]) })
