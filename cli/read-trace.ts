/** Traces as a person gives them: ours, or ctr-remote's record file, recognized by its content. */

import { formatPlatform } from '../image/platform.ts'
import { readImageTree } from '../image/rootfs/image-tree.ts'
import type { MergedTree } from '../image/rootfs/merge-layers.ts'
import type { TarEntry } from '../image/tar/entry.ts'
import type { Image } from '../image/types.ts'
import { bytesOf } from '../system/byte-path.ts'
import { HeadstartError, messageOf } from '../system/errors.ts'
import { readInput } from '../system/read-whole.ts'
import { parseTrace, type Trace } from '../tracer/trace/file.ts'
import { importRecord, parseRecord, type RecordLine } from '../tracer/trace/record.ts'

export type GivenTrace =
  | { readonly kind: 'trace'; readonly trace: Trace }
  | { readonly kind: 'record'; readonly lines: readonly RecordLine[]; readonly file: string }

/** @throws HeadstartError E_TRACE, E_RECORD */
export async function readGiven(file: string): Promise<GivenTrace> {
  const text = await readInput(file).catch((cause: unknown) => {
    throw new HeadstartError('E_TRACE', `the trace ${file} can't be read: ${messageOf(cause)}`, { cause })
  })
  if (!/^\s*\{\s*"(path|manifestDigest|layerIndex)"/.test(text))
    return { kind: 'trace', trace: parseTrace(text, file) }
  return { kind: 'record', lines: parseRecord(text, file), file }
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
  return importRecord(given.lines, {
    tool,
    now: new Date(),
    image: describe(image, tree),
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
