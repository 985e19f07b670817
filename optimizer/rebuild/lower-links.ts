/**
 * Rewrites hardlinks that mean something else in a lazily mounted layer, which knows only its own entries, and those by name. A link to a
 * file of a lower layer leads nowhere, so that the runtime refuses the whole layer; it becomes what an overlay makes of it anyway: a copy
 * of the file, with its content and attributes. So does a link to a file whose name another entry takes later.
 */
import { createHash } from 'node:crypto'
import { decompress } from '../../image/compression/decompress.ts'
import { isForeign } from '../../image/media-types.ts'
import { mergeLayers } from '../../image/rootfs/merge-layers.ts'
import { rebuiltHeader } from '../../image/tar/encode.ts'
import { type EntryFacts, paddingOf } from '../../image/tar/entry.ts'
import { scanTar } from '../../image/tar/scan.ts'
import type { Layer } from '../../image/types.ts'
import { lazily } from '../../system/lazily.ts'
import type { BytePath } from '../../system/text/byte-path.ts'
import { readParts } from '../compress/jobs.ts'
import type { AppendFile } from '../spool/append-file.ts'
import type { SpooledEntry } from '../spool/spooled-layer.ts'
import { changesOfLinks } from './hardlinks.ts'
import type { AnyEntry, LayerRead, SpooledRead } from './read-layer.ts'

interface Original {
  readonly metadata: EntryFacts
  readonly content: AsyncIterable<Uint8Array>
}

export interface LinkOptions {
  readonly sources: readonly Layer[]
  readonly signal: AbortSignal
}

/**
 * @returns the layers, those with links that mean something else by name rewritten
 * @throws HeadstartError E_TAR: a link that no runtime can make
 */
export async function resolveLinks(read: readonly LayerRead[], options: LinkOptions): Promise<LayerRead[]> {
  const out: LayerRead[] = []
  for (const [index, one] of read.entries()) {
    const hasLinks = one.kind === 'spooled' && one.entries.some(({ type }) => type === 'hardlink')
    // A tar that is to stay whole was read only if its links can stay.
    if (one.kind !== 'spooled' || !hasLinks || one.layer.tail) out.push(one)
    else out.push({ ...one, ...(await resolveLayer(one, index, out, options)) })
  }
  return out
}

async function resolveLayer(
  { layer, files }: SpooledRead,
  index: number,
  below: readonly LayerRead[],
  options: LinkOptions,
): Promise<Pick<SpooledRead, 'layer' | 'entries' | 'isRelinked'>> {
  const { sources, signal } = options
  const tree = lazily(() => mergeLayers<AnyEntry>(below.map(({ entries }) => entries)))
  const changes = changesOfLinks<AnyEntry>(
    [...layer.own, ...layer.entries],
    index,
    {
      find: (path) => tree().entries.get(path)?.content,
      isKnown: !sources.slice(0, index).some(({ descriptor }) => isForeign(descriptor.mediaType)),
    },
    `layer ${sources[index]?.descriptor.digest}`,
  )
  const { copies, relinked, late, dropped, leadsBelow } = changes
  if (copies.size + relinked.size + late.size + dropped.size === 0)
    return { layer, entries: layer.entries, isRelinked: leadsBelow }
  const { spool } = files
  const own: LayerRead = { kind: 'spooled', layer, entries: [...layer.own, ...layer.entries], files }
  const made = new Map<AnyEntry, SpooledEntry>()
  const rewritten = async (entry: SpooledEntry): Promise<SpooledEntry> => {
    const origin = copies.get(entry)
    if (origin) {
      const holder = origin.layer === index ? own : below[origin.layer]
      return copyTo(entry, await originalOf(holder, sources[origin.layer], origin.entry, signal), spool)
    }
    const first = relinked.get(entry)
    const target = first && made.get(first)
    return target ? linkTo(target, entry, spool) : entry
  }
  const kept = layer.entries.filter((entry) => !dropped.has(entry))
  const ordered = [...kept.filter((each) => !late.has(each)), ...kept.filter((each) => late.has(each))]
  for (const entry of ordered) {
    signal.throwIfAborted()
    made.set(entry, await rewritten(entry))
  }
  await spool.flush()
  const entries = [...made.values()]
  return { layer: { ...layer, entries }, entries, isRelinked: true }
}

/** From the layer's spool, or, where it has none, from the layer itself. */
async function originalOf(
  holder: LayerRead | undefined,
  source: Layer | undefined,
  entry: AnyEntry,
  signal: AbortSignal,
): Promise<Original> {
  if (holder === undefined || source === undefined) throw new Error('a layer was lost')
  if (holder.kind !== 'spooled') {
    const { path } = entry
    const copies: readonly AnyEntry[] = holder.entries.filter((each) => each.path === path)
    return findInLayer(source, path, copies.indexOf(entry) + 1, signal)
  }
  const spooled = holder.entries.find((each) => each === entry)
  if (spooled === undefined) throw new Error('an entry was lost')
  const { content, size } = spooled
  const part = { file: holder.layer.spool, start: content, end: content + size }
  return { metadata: spooled, content: readParts([part]) }
}

/** @param nth of several entries of this path */
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
