/** Traces as a person gives them: ours, or what another tool recorded, recognized by its content. */

import { formatPlatform } from '../image/platform.ts'
import { readImageTree } from '../image/rootfs/image-tree.ts'
import type { MergedTree } from '../image/rootfs/merge-layers.ts'
import type { TarEntry } from '../image/tar/entry.ts'
import type { Image } from '../image/types.ts'
import { HeadstartError, messageOf } from '../system/errors.ts'
import { readInput } from '../system/files/read-whole.ts'
import { bytesOf, textOf } from '../system/text/byte-path.ts'
import { importForms } from '../tracer/trace/exchange/formats.ts'
import { importTouched, type Touched } from '../tracer/trace/exchange/import.ts'
import { parseTrace, type Trace } from '../tracer/trace/file.ts'

export type GivenTrace =
  | { readonly kind: 'trace'; readonly trace: Trace }
  | { readonly kind: 'record'; readonly touched: readonly Touched[] }

/** @throws HeadstartError E_TRACE, E_RECORD */
export async function readGiven(file: string): Promise<GivenTrace> {
  const text = await readInput(file).catch((cause: unknown) => {
    throw new HeadstartError('E_TRACE', `the trace ${file} can't be read: ${messageOf(cause)}`, { cause })
  })
  const form = importForms.find(({ isIt }) => isIt(text))
  if (!form && !text.trimStart().startsWith('{'))
    throw new HeadstartError('E_TRACE', `${file} is neither a trace nor a record or list of another tool`, {
      hint: 'Record a trace with headstart profile; headstart trace import --help says what else is read',
    })
  return form
    ? { kind: 'record', touched: form.parse(text, file) }
    : { kind: 'trace', trace: parseTrace(text, file) }
}

/** A record has no sizes: they are looked up in the image, whose layers are read for that. */
export async function traceOf(
  given: GivenTrace,
  image: Image,
  tool: string,
  signal?: AbortSignal,
): Promise<{ trace: Trace; missing: readonly string[] }> {
  if (given.kind === 'trace') return { trace: given.trace, missing: [] }
  const tree = await readImageTree(image, signal)
  const paths = [...tree.entries.keys()].map(textOf)
  return importTouched(given.touched, {
    tool,
    now: new Date(),
    image: describe(image, tree),
    layers: image.layers.map(({ descriptor }) => descriptor.digest),
    paths: () => paths,
    find: (path) => {
      const owned = tree.entries.get(bytesOf(path))
      if (owned?.entry.type === 'symlink') return { type: 'symlink', size: 0 }
      const content = owned?.content?.entry
      if (content === undefined || content.type === 'dir') return undefined
      return content.type === 'reg' ? { type: 'reg', size: content.size } : { type: 'special', size: 0 }
    },
  })
}

function describe(image: Image, tree: MergedTree<TarEntry>): Trace['image'] {
  const files = [...tree.entries.values()].filter(({ entry }) => entry.type === 'reg')
  return {
    reference: image.reference,
    digest: image.descriptor.digest,
    platform: formatPlatform(image.config.platform),
    diffIds: [...image.config.diffIds],
    bytes: files.reduce((sum, { entry }) => sum + entry.size, 0),
    files: files.length,
  }
}
