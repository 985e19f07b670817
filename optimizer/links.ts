/**
 * Hardlinks to files of lower layers. A lazily mounted layer knows itself alone, so such a link leads nowhere in it and the runtime
 * refuses the whole layer. It becomes what an overlay makes of it anyway: a copy of the file, with its content and attributes.
 */
import { createHash } from 'node:crypto'
import { decompress } from '../image/decompress.ts'
import { mergeLayers } from '../image/owners.ts'
import { ancestorsOf, type BytePath } from '../image/paths.ts'
import { type EntryFacts, paddingOf } from '../image/tar/entry.ts'
import { scanTar } from '../image/tar/scan.ts'
import { rebuiltHeader } from '../image/tar/write.ts'
import type { Layer } from '../image/types.ts'
import { readParts } from './compress/jobs.ts'
import type { SpooledEntry, SpooledLayer } from './layer.ts'
import type { Prepared } from './prepare.ts'
import type { AppendFile } from './spool.ts'

interface Original {
  readonly metadata: EntryFacts
  readonly content: AsyncIterable<Uint8Array>
}

export interface LinkOptions {
  readonly sources: readonly Layer[]
  spoolOf(index: number): AppendFile
  readonly signal: AbortSignal
}

/** @returns the layers, those with such links replaced. Links that lead nowhere in the lower layers either stay as they are. */
export async function resolveLinks(prepared: readonly Prepared[], options: LinkOptions): Promise<Prepared[]> {
  const out: Prepared[] = []
  for (const [index, one] of prepared.entries()) {
    const dangling = one.kind === 'spooled' ? danglingLinks(one.entries) : new Set<SpooledEntry>()
    if (one.kind !== 'spooled' || dangling.size === 0) out.push(one)
    else out.push({ ...one, ...(await resolveLayer(one.layer, dangling, index, out, options)) })
  }
  return out
}

function danglingLinks(entries: readonly SpooledEntry[]): Set<SpooledEntry> {
  const links = entries.filter(({ type }) => type === 'hardlink')
  if (links.length === 0) return new Set()
  const paths = new Set(entries.map(({ path }) => path))
  return new Set(links.filter(({ linkPath }) => linkPath !== undefined && !paths.has(linkPath)))
}

async function resolveLayer(
  layer: SpooledLayer,
  dangling: ReadonlySet<SpooledEntry>,
  index: number,
  below: readonly Prepared[],
  options: LinkOptions,
): Promise<{ layer: SpooledLayer; entries: readonly SpooledEntry[] }> {
  const tree = mergeLayers<Prepared['entries'][number]>(below.map(({ entries }) => entries))
  const spool = options.spoolOf(index)
  /** the copy that stands for a target in this layer */
  const copies = new Map<BytePath, SpooledEntry>()
  /** what this layer has in place of directories of lower layers, so far: nothing below is there any more */
  const placed = new Set<BytePath>()
  const isHidden = (path: BytePath) => ancestorsOf(path).some((ancestor) => placed.has(ancestor))
  const entries: SpooledEntry[] = []
  for (const entry of layer.entries) {
    if (entry.type !== 'dir') placed.add(entry.path)
    const target = dangling.has(entry) && !isHidden(entry.linkPath ?? '') ? entry.linkPath : undefined
    const copy = target === undefined ? undefined : copies.get(target)
    const found = target === undefined ? undefined : tree.entries.get(target)?.content
    const content = found?.entry.type === 'dir' ? undefined : found // a directory has one name
    if (target === undefined || (copy === undefined && content === undefined)) entries.push(entry)
    else if (copy) entries.push(linkTo(copy, entry, spool))
    else if (content) {
      const source = options.sources[content.layer]
      const original = await originalOf(below[content.layer], source, content.entry.path, options.signal)
      const made = await copyTo(entry, original, spool)
      copies.set(target, made)
      entries.push(made)
    }
  }
  await spool.flush()
  return { layer: { ...layer, entries }, entries }
}

/** From the lower layer's spool, or, where it has none, from the layer itself. */
async function originalOf(
  below: Prepared | undefined,
  source: Layer | undefined,
  path: BytePath,
  signal: AbortSignal,
): Promise<Original> {
  if (below === undefined || source === undefined) throw new Error('a layer was lost')
  const copies = below.entries.filter((entry) => entry.path === path).length
  if (below.kind !== 'spooled') return findInLayer(source, path, copies, signal)
  const spooled = below.entries.findLast((entry) => entry.path === path)
  if (spooled === undefined) throw new Error('an entry was lost')
  const { content, size } = spooled
  const part = { file: below.layer.spool, start: content, end: content + size }
  return { metadata: spooled, content: readParts([part]) }
}

/** @param nth of several entries of this path: the last is what the layer has */
async function findInLayer(
  source: Layer,
  path: BytePath,
  nth: number,
  signal: AbortSignal,
): Promise<Original> {
  const { stream } = await decompress(await source.open(undefined, signal))
  const events = scanTar(stream)
  let seen = 0
  for (let next = await events.next(); !next.done; next = await events.next()) {
    if (next.value.kind !== 'entry' || next.value.entry.path !== path || ++seen < nth) continue
    return { metadata: next.value.entry, content: contentAhead(events) }
  }
  throw new Error('an entry was lost')
}

/** Up to the next entry. The rest is read, too: the layer's digest is checked at its end. */
async function* contentAhead(events: ReturnType<typeof scanTar>): AsyncGenerator<Uint8Array> {
  let isHere = true
  for await (const event of events) {
    isHere &&= event.kind === 'data'
    if (isHere && event.kind === 'data') yield event.bytes
  }
}

async function copyTo(
  link: SpooledEntry,
  { metadata, content }: Original,
  spool: AppendFile,
): Promise<SpooledEntry> {
  const { type, size, mode, uid, gid, uname, gname, mtime, xattrs, linkName, devMajor, devMinor } = metadata
  const attributes = { type, size, mode, uid, gid, uname, gname, mtime, xattrs, linkName, devMajor, devMinor }
  const entry = { ...link, ...attributes, linkPath: undefined }
  const header = rebuiltHeader({ ...entry, header: Buffer.alloc(0), pax: paxOf(xattrs), standsAlone: false })
  const start = spool.append(header)
  const hash = createHash('sha256')
  for await (const bytes of content) {
    spool.append(bytes)
    hash.update(bytes)
    await spool.drain()
  }
  spool.append(Buffer.alloc(paddingOf(size)))
  const digest = type === 'reg' ? (`sha256:${hash.digest('hex')}` as const) : undefined
  return { ...entry, start, content: start + header.length, end: spool.size, digest }
}

function linkTo(copy: SpooledEntry, link: SpooledEntry, spool: AppendFile): SpooledEntry {
  const entry = { ...link, linkName: copy.name, linkPath: copy.path }
  const header = rebuiltHeader({
    ...entry,
    header: Buffer.alloc(0),
    pax: paxOf(link.xattrs),
    standsAlone: false,
  })
  const start = spool.append(header)
  return { ...entry, start, content: start + header.length, end: spool.size }
}

const paxOf = (xattrs: ReadonlyMap<string, Buffer>): Map<string, string> =>
  new Map([...xattrs].map(([name, value]) => [`SCHILY.xattr.${name}`, value.toString('latin1')]))
