/**
 * tar-split data: all of a tar that isn't content, and a checksum of each file's content, from which containers/storage puts the tar together again
 * to see that it has the diffID. One JSON object a line; a file's padding belongs to the header that follows it.
 *
 * Source: github.com/vbatts/tar-split, tar/storage/entry.go and tar/asm/iterate.go.
 */
import { isUtf8 } from 'node:buffer'
import { END_OF_TAR } from '../../tar/encode.ts'
import { paddingOf } from '../../tar/entry.ts'
import { rawFactsOf } from '../../tar/raw-facts.ts'
import type { TocEntry } from '../format/toc.ts'
import type { Range } from './members.ts'
import type { LayerStore, PlacedEntry } from './store.ts'

/** What the table of contents must say as the tar's header says it: containers/storage compares the two. */
export type Details = Pick<
  TocEntry,
  'mode' | 'linkName' | 'devMajor' | 'devMinor' | 'modtime' | 'accesstime' | 'changetime'
>

export interface TarSplit {
  /** compressed; and bytes of the lines */
  readonly stored: Uint8Array
  readonly size: number
  /** one for each entry, in their order */
  readonly details: readonly Details[]
}

/** Lines that are compressed at once. */
const PIECE_BYTES = 1 << 20

/** @param tail see `LayerOrder`: then padding is read with the header behind it, whatever is in it */
export async function splitTar(
  entries: readonly PlacedEntry[],
  store: LayerStore,
  tail?: Range,
): Promise<TarSplit> {
  const lines = new Lines(store)
  const details: Details[] = []
  const checksums = await checksumsOf(entries, store)
  const headers = store.read(entries.map(({ start, content }) => ({ start, end: content })))
  let [index, padding] = [0, 0]
  for await (const header of headers) {
    const entry = entries[index++]
    if (entry === undefined) break
    details.push(detailsOf(tail ? header.subarray(padding) : header, entry))
    const segment = tail ? header : Buffer.concat([Buffer.alloc(padding), header])
    await lines.add({ type: SEGMENT, payload: base64(segment) })
    const checksum = checksums.get(entry)
    await lines.add({
      type: FILE,
      ...nameOf(entry),
      size: entry.size || undefined,
      payload: checksum ? base64(checksum) : null,
    })
    padding = paddingOf(entry.size)
  }
  const end = tail ? store.read(piecesOf(tail)) : [Buffer.concat([Buffer.alloc(padding), END_OF_TAR])]
  for await (const piece of end) await lines.add({ type: SEGMENT, payload: base64(piece) })
  return { ...(await lines.finish()), details }
}

function* piecesOf({ start, end }: Range): Generator<Range> {
  for (let at = start; at < end; at += PIECE_BYTES) yield { start: at, end: Math.min(at + PIECE_BYTES, end) }
}

const [FILE, SEGMENT] = [1, 2]

const base64 = (bytes: Buffer): string => bytes.toString('base64')

async function checksumsOf(
  entries: readonly PlacedEntry[],
  store: LayerStore,
): Promise<ReadonlyMap<PlacedEntry, Buffer>> {
  const files = entries.filter(({ size }) => size > 0)
  const sums = await store.checksums(
    files.map(({ content, size }) => ({ start: content, end: content + size })),
  )
  return new Map(files.flatMap((file, index) => (sums[index] ? [[file, sums[index]] as const] : [])))
}

function detailsOf(header: Buffer, entry: PlacedEntry): Details {
  const { mode, linkName, devMajor, devMinor, mtime, atime, ctime } = rawFactsOf(header, entry)
  return {
    mode: mode || undefined,
    linkName: linkName || undefined,
    devMajor: devMajor || undefined,
    devMinor: devMinor || undefined,
    modtime: mtime,
    accesstime: atime,
    changetime: ctime,
  }
}

/** JSON holds text. */
function nameOf({ name }: PlacedEntry): { name?: string; name_raw?: string } {
  const bytes = Buffer.from(name, 'latin1')
  return isUtf8(bytes) ? { name: bytes.toString() } : { name_raw: base64(bytes) }
}

/** Gathers lines, and compresses them in pieces: the headers of a million files would be most of the memory. */
class Lines {
  private size = 0
  private position = 0
  private gathered: Buffer[] = []
  private gatheredBytes = 0
  private readonly stored: Uint8Array[] = []
  private readonly store: LayerStore

  constructor(store: LayerStore) {
    this.store = store
  }

  async add(line: object): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify({ ...line, position: this.position++ })}\n`)
    this.gathered.push(bytes)
    this.gatheredBytes += bytes.length
    if (this.gatheredBytes >= PIECE_BYTES) await this.pack()
  }

  private async pack(): Promise<void> {
    this.size += this.gatheredBytes
    const bytes = new Uint8Array(this.gatheredBytes)
    this.gathered.reduce((at, line) => {
      bytes.set(line, at)
      return at + line.length
    }, 0)
    this.gathered = []
    this.gatheredBytes = 0
    this.stored.push(await this.store.compressOne(bytes))
  }

  async finish(): Promise<{ stored: Uint8Array; size: number }> {
    await this.pack()
    return { stored: Buffer.concat(this.stored), size: this.size }
  }
}
