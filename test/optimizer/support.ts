/** Optimizes small images in a temporary folder, and puts each layer, before and after, where other tools can judge it. */
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { decompress } from '../../image/compression/decompress.ts'
import { digestOf } from '../../image/digest.ts'
import { TOC_DIGEST_ANNOTATION } from '../../image/estargz/format/toc.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import type { Image, Layer } from '../../image/types.ts'
import type { OptimizeOptions } from '../../optimizer/options.ts'
import type { StartupFile } from '../../optimizer/plan/startup.ts'
import { type RebuildSummary, rebuildImage } from '../../optimizer/rebuild/image.ts'
import { runCommand } from '../../system/process/command.ts'

export interface TestFolder extends AsyncDisposable {
  readonly path: string
}

export async function testFolder(): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), 'hs-optimizer-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A file of the start, read whole. */
export const read = (path: string, rest: Partial<StartupFile> = {}): StartupFile => ({
  path,
  ranges: [],
  size: 0,
  afterReady: false,
  read: true,
  ...rest,
})

/** Opens the image, runs `work` with it, closes it. */
export async function withImage<T>(reference: string, work: (image: Image) => Promise<T>): Promise<T> {
  await using source = await openSource(reference)
  return await work(await source.image())
}

export async function optimize(
  from: string,
  to: string,
  startup: readonly StartupFile[],
  options: Partial<OptimizeOptions> = {},
): Promise<RebuildSummary> {
  return withImage(from, (image) => optimizeImage(image, to, startup, options))
}

/** The image with its first layer replaced by bytes that lie in memory. */
export function withLayer(image: Image, bytes: Buffer, annotations: Record<string, string> = {}): Image {
  const [layer] = image.layers
  if (layer === undefined) throw new Error('no layer')
  const descriptor = { ...layer.descriptor, digest: digestOf(bytes), size: bytes.length, annotations }
  const open = async (range?: { start: number; end: number }) =>
    Readable.from([bytes.subarray(range?.start, range?.end)], { objectMode: false })
  return { ...image, layers: [{ ...layer, descriptor, open }, ...image.layers.slice(1)] }
}

export async function optimizeImage(
  image: Image,
  to: string,
  startup: readonly StartupFile[],
  options: Partial<OptimizeOptions> = {},
): Promise<RebuildSummary> {
  await using target = await openTarget(to)
  await target.prepare({ force: true })
  return await rebuildImage({ image, target, startup, options: { threads: 2, ...options } })
}

export interface LayerOnDisk {
  readonly blob: string
  readonly tar: string
  readonly tocDigest: string
}

/** Each layer as a file, as stored and unpacked. */
export async function layersOf(reference: string, folder: string): Promise<LayerOnDisk[]> {
  await mkdir(folder, { recursive: true })
  return withImage(reference, (image) =>
    Promise.all(image.layers.map((layer, index) => layerOnDisk(layer, join(folder, String(index))))),
  )
}

async function layerOnDisk(layer: Layer, path: string): Promise<LayerOnDisk> {
  await pipeline(await layer.open(), createWriteStream(`${path}.blob`))
  const { stream } = await decompress(await layer.open())
  await pipeline(stream, createWriteStream(`${path}.tar`))
  return {
    blob: `${path}.blob`,
    tar: `${path}.tar`,
    tocDigest: layer.descriptor.annotations?.[TOC_DIGEST_ANNOTATION] ?? '',
  }
}

/**
 * The tree that GNU tar unpacks, one line an inode's name: type, mode, owner, size, time, link, device, hardlink group, xattrs, content.
 * Landmarks and table of contents aside.
 */
export async function treeOf(tar: string): Promise<string[]> {
  await using folder = await testFolder()
  const root = join(folder.path, 'root')
  await mkdir(root)
  await runCommand('tar', [
    ...[
      '--numeric-owner',
      '--xattrs',
      '--xattrs-include=*',
      '--delay-directory-restore',
      '--same-permissions',
    ],
    ...['-xf', tar, '-C', root],
  ])
  const ours = ['.prefetch.landmark', '.no.prefetch.landmark', 'stargz.index.json']
  const find = (what: string[]) =>
    runCommand(
      'find',
      ['.', '-mindepth', '1', ...ours.flatMap((name) => ['!', '-path', `./${name}`]), ...what],
      {
        cwd: root,
      },
    )
  const attributes = await find(['-printf', '%P|%y|%m|%U|%G|%T@|%l\\0'])
  const sizes = await find(['-type', 'f', '-printf', '%P|%s\\0'])
  const devices = await find([
    '(',
    '-type',
    'c',
    '-o',
    '-type',
    'b',
    ')',
    '-exec',
    'stat',
    '-c',
    '%n|%t:%T',
    '{}',
    '+',
  ])
  const xattrs = await runCommand('getfattr', ['-Rhd', '-m', '-', '.'], { cwd: root })
  const content = await find(['-type', 'f', '-exec', 'sha256sum', '-z', '{}', '+'])
  const links = await hardlinkGroups(root)
  return [
    ...attributes.split('\0').map(withoutImpliedTime).sort(),
    ...sizes.split('\0').sort(),
    ...devices.split('\n').sort(),
    ...xattrs.split('\n\n').sort(),
    ...content.split('\0').sort(),
    ...links,
  ]
}

/** A directory without an entry gets the time at which it was unpacked. */
const withoutImpliedTime = (line: string): string =>
  line.replace(/\|(\d+)\.\d+\|([^|]*)$/, (whole, seconds: string, link: string) =>
    Number(seconds) > Date.now() / 1000 - 3600 ? `|now|${link}` : whole,
  )

/** The names of each inode that has several. */
async function hardlinkGroups(root: string): Promise<string[]> {
  const found = await runCommand('find', ['.', '-type', 'f', '-links', '+1', '-printf', '%i %P\\0'], {
    cwd: root,
  })
  const groups = new Map<string, string[]>()
  for (const line of found.split('\0').filter((text) => text !== '')) {
    const [inode = '', ...name] = line.split(' ')
    groups.set(inode, [...(groups.get(inode) ?? []), name.join(' ')])
  }
  return [...groups.values()].map((names) => names.sort().join(' = ')).sort()
}

export async function writeTar(folder: string, name: string, bytes: Buffer): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}
