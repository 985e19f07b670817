/**
 * How much narrower SOCI's prefetch gets with the spans of what was read, than with the files that were read (`--prefetch-files-json`): bytes
 * of the layers, as they are compressed, that the snapshotter would fetch before the start. `npm run bench:soci [-- SPAN_SIZE…]`. Needs root, FUSE and runc.
 *
 * The files are taken whole, as SOCI does, whatever their names: its tool finds none whose name in the layer begins with `./`, as mmdebstrap
 * writes them.
 */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readImageTree, readLayerEntries } from '../../image/rootfs/image-tree.ts'
import { parseZtoc, type Ztoc } from '../../image/soci/ztoc.ts'
import { openSource } from '../../image/sources.ts'
import { HeadstartError } from '../../system/errors.ts'
import { runCommand } from '../../system/process/command.ts'
import { bytesOf } from '../../system/text/byte-path.ts'
import { createWorkspace } from '../../system/workspace.ts'
import { profileImage } from '../../tracer/profile.ts'
import { readFilesOf } from '../../tracer/trace/exchange/paths.ts'
import { spansOf, type ZtocLayer } from '../../tracer/trace/exchange/soci-spans.ts'
import type { Trace } from '../../tracer/trace/file.ts'
import { type DemoKind, demoImages, makeDemoImage } from '../demo-image/images.ts'
import { buildNewest } from '../support/newest.ts'

const KINDS: readonly DemoKind[] = ['webapp', 'node', 'nginx']
const sizes = process.argv.slice(2).map(Number)
const soci = join(await buildNewest('soci'), 'soci')

interface Sums {
  image: number
  files: number
  ranges: number
}

async function record(kind: DemoKind): Promise<Trace> {
  await using source = await openSource(demoImages[kind].image)
  const { trace } = await profileImage({
    image: await source.image(),
    command: [],
    engine: 'runc',
    run: { network: 'none' },
    ready: { by: 'log', pattern: demoImages[kind].ready },
    tool: 'bench',
  })
  return trace
}

/** Every zTOC that the tool makes of an image, whatever the size of the layer. */
async function ztocsOf(layout: string, folder: string, spanSize: number): Promise<Ztoc[]> {
  const options = ['--standalone', '--format', 'oci-dir', '--min-layer-size', '0']
  await runCommand(soci, ['convert', ...options, '--span-size', String(spanSize), layout, folder])
  const blobs = join(folder, 'blobs/sha256')
  const found: Ztoc[] = []
  for (const name of await readdir(blobs)) {
    try {
      found.push(parseZtoc(await readFile(join(blobs, name)), name))
    } catch (error) {
      // The folder has the image's own blobs, too.
      if (!(error instanceof HeadstartError)) throw error
    }
  }
  await rm(folder, { recursive: true })
  return found
}

/** As the tool takes files. */
const whole = (trace: Trace): Trace => ({
  ...trace,
  files: trace.files.map((file) => ({ ...file, ranges: file.ranges.length > 0 ? [[0, file.size]] : [] })),
})

function bytesOfSpans({ ztoc }: ZtocLayer, spans: ReturnType<typeof spansOf>['spans']): number {
  return spans.reduce((sum, { start_span, end_span }) => {
    const [first, last] = [ztoc.spans[start_span], ztoc.spans[end_span]]
    return sum + (last?.compressedEnd ?? 0) - (first?.compressedOffset ?? 0)
  }, 0)
}

async function measure(kind: DemoKind, trace: Trace, spanSize: number): Promise<Sums> {
  await using source = await openSource(demoImages[kind].image)
  const image = await source.image()
  const { entries } = await readImageTree(image)
  await using workspace = await createWorkspace()
  const layout = demoImages[kind].image.replace(/^oci:|:latest$/g, '')
  const ztocs = await ztocsOf(layout, join(workspace.folder, 'converted'), spanSize)
  const sums = { image: 0, files: 0, ranges: 0 }
  for (const [index, layer] of image.layers.entries()) {
    const paths = await readLayerEntries(layer, ({ path }) => path)
    const ztoc = ztocs.find(
      ({ compressedSize, files }) =>
        compressedSize === layer.descriptor.size && files.length === paths.length,
    )
    if (ztoc === undefined) throw new Error(`${kind}: layer ${index + 1} has no zTOC`)
    const contentOf = (path: string) => {
      const content = entries.get(bytesOf(path))?.content
      return content?.layer === index ? content.entry.path : undefined
    }
    const one = { ztoc, name: `layer ${index + 1}`, contentOf }
    sums.image += layer.descriptor.size
    sums.files += bytesOfSpans(one, spansOf(whole(trace), one).spans)
    sums.ranges += bytesOfSpans(one, spansOf(trace, one).spans)
  }
  return sums
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

for (const kind of KINDS) {
  await makeDemoImage(kind)
  const trace = await record(kind)
  for (const size of sizes.length > 0 ? sizes : [4 << 20, 1 << 20, 256 << 10]) {
    const { image, files, ranges } = await measure(kind, trace, size)
    const narrower = (100 * (1 - ranges / files)).toFixed(0)
    console.log(
      `${kind} (${mb(image)}, ${readFilesOf(trace).length} files read), spans of ${size >> 10} KiB: files ${mb(files)}, ranges ${mb(ranges)}, ${narrower} % narrower`,
    )
  }
}
