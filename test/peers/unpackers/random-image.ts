/** Images of random trees, and the same with random ranges ahead. Equal seeds give equal images. */
import { join } from 'node:path'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { StartupFile } from '../../../optimizer/plan/startup.ts'
import { rebuildImage } from '../../../optimizer/rebuild/image.ts'
import { writeImage } from '../../support/images.ts'
import { startFile } from '../../support/optimized.ts'
import { dir, file, hardlink, symlink, type TarItem } from '../../support/tar.ts'

export interface SplitImage {
  readonly original: string
  readonly split: string
}

const LAYERS = 3
const FILES = 30
const MAX_BYTES = 400 << 10

type Random = (below: number) => number

function randomOf(seed: number): Random {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Some compresses to nothing, some not at all. */
function contentOf(size: number, random: Random): Buffer {
  const letters = [1, 4, 32, 256][random(4)] ?? 1
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at++) bytes.writeUInt8(random(letters), at)
  return bytes
}

function layerOf(layer: number, random: Random): TarItem[] {
  const items: TarItem[] = [dir(`d${layer}/`)]
  const names: string[] = []
  for (let index = 0; index < FILES; index++) {
    const folder = random(3) === 0 ? `d${layer}/sub${index}/` : `d${layer}/`
    if (folder.includes('sub')) items.push(dir(folder, { mode: 0o700 + random(64) }))
    const name = `${folder}f${index}`
    const size = [0, 1, 4096, random(5000), random(MAX_BYTES), random(MAX_BYTES)][random(6)] ?? 0
    const owner = { uid: random(70_000), gid: random(3), mode: random(2) === 0 ? 0o644 : 0o4755 }
    items.push(file(name, contentOf(size, random), { ...owner, mtime: new Date(1e12 + 1000 * random(1e9)) }))
    const target = names[random(names.length)]
    if (target !== undefined && random(4) === 0) items.push(hardlink(`${name}.hard`, target))
    if (random(4) === 0) items.push(symlink(`${name}.soft`, target ?? 'nowhere'))
    names.push(name)
  }
  return items
}

/** Of most files something, of some all. */
function readsOf(items: readonly TarItem[], random: Random): StartupFile[] {
  return items.flatMap(({ name, content }): StartupFile[] => {
    const size = content?.length ?? 0
    if (size === 0 || random(4) === 0) return []
    const ranges: [number, number][] = []
    for (let at = random(size); at < size && ranges.length < 4; ) {
      const end = Math.min(size, at + 1 + random(80_000))
      ranges.push([at, end])
      at = end + 1 + random(100_000)
    }
    return [{ ...startFile(name), ranges, size }]
  })
}

/** @param folder for both */
export async function randomSplitImage(folder: string, seed: number): Promise<SplitImage> {
  const random = randomOf(seed)
  const layers = Array.from({ length: LAYERS }, (_, layer) => layerOf(layer, random))
  const original = await writeImage(join(folder, 'original'), { layers, config: { Cmd: ['none'] } })
  const split = `oci:${join(folder, 'split')}:x`
  await using source = await openSource(original)
  await using target = await openTarget(split)
  await target.prepare({ force: false })
  const { layers: made, plan } = await rebuildImage({
    image: await source.image(),
    target,
    startup: readsOf(layers.flat(), random),
    options: { split: 'always', level: 1, chunkSize: 128 << 10, threads: 1 },
  })
  if (made.length !== LAYERS || plan.layers.some(({ hot }) => hot.size < 3))
    throw new Error('a layer without ranges ahead')
  return { original, split }
}
