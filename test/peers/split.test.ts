/**
 * Layers with random ranges ahead, before everyone who unpacks layers whole: each sees the tree that it sees without them. HEADSTART_CASES=10 makes ten
 * times as many images.
 */
import { execFileSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveImages } from '../../image/serve.ts'
import { openSource } from '../../image/sources.ts'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { unmountBelow } from '../../system/mounts.ts'
import { layersOf } from '../optimizer/support.ts'
import { times } from '../support/property.ts'
import { type TempFolder, tempFolder } from '../support/temp.ts'
import { containerd, docker, dockerLoad, podman, type Runtime, skopeo, umoci } from './unpackers/images.ts'
import { layerUnpackers } from './unpackers/layers.ts'
import { randomSplitImage, type SplitImage } from './unpackers/random-image.ts'

let temp: TempFolder
const images: SplitImage[] = []
beforeAll(async () => {
  temp = await tempFolder()
  for (let index = 0; index < times(1); index++)
    images.push(await randomSplitImage(join(temp.path, `image-${index}`), index + 1))
})
afterAll(async () => {
  await unmountBelow(temp.path)
  await temp[Symbol.asyncDispose]()
})

/** Types, modes, owners, sizes, links, times of files and contents; what engines add is left out, as are landmarks and tables of contents. */
const SCRIPT = `
find . -mindepth 1 ! -type d ! -type l -printf '%P %y %m %U:%G %s %n %Ts\\n'
find . -type l -printf '%P %y %U:%G %l\\n'
find . -mindepth 1 -type d -printf '%P %y %m %U:%G\\n'
find . -type f -exec sha256sum {} +`
const NOT_OURS =
  /^(?:\S{64} +\.\/)?(?:dev|etc|proc|sys|run|\.dockerenv|\.prefetch\.landmark|\.no\.prefetch\.landmark|stargz\.index\.json)\b/

function listing(folder: string): string[] {
  const lines = execFileSync('sh', ['-c', SCRIPT], { cwd: folder, encoding: 'latin1', maxBuffer: 64 << 20 })
  return lines
    .split('\n')
    .filter((line) => line !== '' && !NOT_OURS.test(line))
    .sort()
}

test.each(Object.keys(layerUnpackers))(
  '%s unpacks each layer as without',
  async (name) => {
    const unpack = layerUnpackers[name]
    if (unpack === undefined) throw new Error('no such program')
    for (const [index, { original, split }] of images.entries()) {
      const work = await temp.sub(`layers-${name.replace(/\W/g, '-')}-${index}`)
      const [before, after] = [
        await layersOf(original, join(work, 'a')),
        await layersOf(split, join(work, 'b')),
      ]
      const treeOf = async (blob: string) => {
        await mkdir(`${blob}.tree`)
        await unpack(blob, `${blob}.tree`)
        return listing(`${blob}.tree`)
      }
      for (const [layer, { blob }] of after.entries()) {
        const tree = await treeOf(blob)
        expect(tree.length).toBeGreaterThan(20)
        expect(tree).toEqual(await treeOf(before[layer]?.blob ?? ''))
      }
    }
  },
  BUILDING_MS,
)

const runtimes: Readonly<Record<string, (work: string) => Promise<Runtime>>> = {
  umoci,
  skopeo,
  docker,
  'docker load': dockerLoad,
  podman,
  ...Object.fromEntries(peerSets.map((peers) => [`containerd, ${peers}`, containerd(peers)])),
}

test.each(Object.keys(runtimes))(
  '%s takes each image as without',
  async (name) => {
    const work = await temp.sub(`images-${name.replace(/\W/g, '-')}`)
    const start = runtimes[name]
    if (start === undefined) throw new Error('no such runtime')
    await using runtime = await start(work)
    for (const [index, { original, split }] of images.entries()) {
      await using before = await openSource(original)
      await using after = await openSource(split)
      await using server = await serveImages({
        'app:original': await before.image(),
        'app:split': await after.image(),
      })
      const treeOf = async (tag: string) => {
        const folder = await temp.sub(join(`trees-${name.replace(/\W/g, '-')}`, `${index}-${tag}`))
        await runtime.pull(`${server.host}/app:${tag}`, folder)
        return listing(folder)
      }
      const tree = await treeOf('split')
      expect(tree.length).toBeGreaterThan(40)
      expect(tree).toEqual(await treeOf('original'))
      await unmountBelow(temp.path)
    }
  },
  BUILDING_MS,
)
