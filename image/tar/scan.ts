/**
 * A streaming tar scanner that loses nothing: raw header blocks are kept, so that a file can be moved to another place of another
 * tar byte for byte. It reads what v7, ustar, PAX, GNU (long names, sparse files) and star write, takes memory for one header at a time,
 * and says where a tar is damaged.
 *
 * Which fields win is decided as container runtimes do: they read with Go's archive/tar, and skip global PAX headers.
 */

import { messageOf } from '../../system/errors.ts'
import { layerPath, textOf } from '../../system/text/byte-path.ts'
import { BlockReader } from './blocks.ts'
import { TarCounts } from './counts.ts'
import { BLOCK, paddingOf, type TarEntry } from './entry.ts'
import { type HeaderBlock, parseHeaderBlock, tarError } from './header.ts'
import { entryOf, gnuRealSize, paxRealSize, sizeOf } from './metadata.ts'
import { emptyPrelude, expectSpecial, isSpecial, withSpecial } from './prelude.ts'
import {
  checkParts,
  GNU_EXTENSION,
  GNU_HEADER,
  gnuParts,
  MAX_PARTS,
  paxParts,
  SparseContent,
  SparseMapReader,
  type SparsePart,
  sparseVersion,
} from './sparse.ts'

/** An entry, then its content in pieces; the next entry, or the end of the stream, ends it. */
export type TarEvent =
  | {
      readonly kind: 'entry'
      readonly entry: TarEntry
      /** bytes of the tar before what it stores of the content: its header ends here */
      readonly contentAt: number
    }
  /** a view of the bytes pushed, or of zeros */
  | { readonly kind: 'data'; readonly bytes: Buffer }

const ZERO_BLOCK = Buffer.alloc(BLOCK)

const mayBeSparse = (flag: string): boolean => flag === '0' || flag === '\0' || flag === '7'

type State =
  | { at: 'header' }
  | { at: 'special'; header: HeaderBlock; blocks: Buffer[]; left: number }
  | { at: 'gnu-sparse'; header: HeaderBlock; block: Buffer; parts: SparsePart[]; realSize: number }
  | { at: 'sparse-map'; header: HeaderBlock; block: Buffer; reader: SparseMapReader; stored: number }
  | { at: 'content'; left: number; padding: number; sparse: SparseContent | undefined }
  | { at: 'end' }

function* asData(pieces: Iterable<Buffer>): Generator<TarEvent, void, undefined> {
  for (const bytes of pieces) yield { kind: 'data', bytes }
}

export class TarScanner {
  private state: State = { at: 'header' }
  private readonly blocks = new BlockReader()
  private prelude = emptyPrelude()
  private isZeroBefore = false
  private consumed = 0
  private readonly counts = new TarCounts()
  private where = 'the first header'

  /** @throws HeadstartError E_TAR: the tar ends inside an entry. (Many tars lack the zero blocks at their end.) */
  finish(): void {
    const isWhole =
      this.state.at === 'end' ||
      (this.state.at === 'header' && this.blocks.isEmpty && this.prelude.bytes === 0)
    // GNU tar and others may cut the padding of the last file.
    if (isWhole || (this.state.at === 'content' && this.state.left === 0)) return
    throw tarError(`it ends inside ${this.where}`)
  }

  /**
   * Takes the next bytes of the tar. The events must be drained before the next push.
   * @throws HeadstartError E_TAR, E_PATH
   */
  *push(bytes: Buffer): Generator<TarEvent, void, undefined> {
    let at = 0
    while (at < bytes.length && this.state.at !== 'end') {
      if (this.state.at === 'content') {
        const used = yield* this.content(this.state, bytes, at)
        at += used
        this.consumed += used
        continue
      }
      const block = this.blocks.take(bytes, at)
      at += block.used
      this.consumed += block.used
      if (block.bytes) yield* this.block(block.bytes)
    }
  }

  private *block(block: Buffer): Generator<TarEvent, void, undefined> {
    const state = this.state
    if (state.at === 'header') yield* this.header(block)
    else if (state.at === 'special') this.special(state, block)
    else if (state.at === 'gnu-sparse') yield* this.gnuExtension(state, block)
    else if (state.at === 'sparse-map') yield* this.sparseMap(state, block)
  }

  private *header(block: Buffer): Generator<TarEvent, void, undefined> {
    if (block.equals(ZERO_BLOCK)) {
      if (this.isZeroBefore) this.end()
      this.isZeroBefore = true
      return
    }
    if (this.isZeroBefore) throw tarError(`a single zero block stands before a header after ${this.where}`)
    const header = parseHeaderBlock(block, `the header after ${this.where}`)
    if (isSpecial(header)) return this.startSpecial(header, block)
    const name = this.prelude.name || this.prelude.pax.get('path') || header.name
    this.where = JSON.stringify(textOf(name.slice(0, 200)))
    yield* this.start(header, block)
  }

  private end(): void {
    if (this.prelude.bytes > 0) throw tarError(`it ends after a header that no entry follows`)
    this.state = { at: 'end' }
  }

  private startSpecial(header: HeaderBlock, block: Buffer): void {
    const left = expectSpecial(this.prelude, header, `after ${this.where}`)
    this.special({ at: 'special', header, blocks: [], left: left + 1 }, block)
  }

  private special(state: State & { at: 'special' }, block: Buffer): void {
    state.blocks.push(block)
    this.state = state
    if (--state.left > 0) return
    this.prelude = withSpecial(this.prelude, state.header, state.blocks, `the header after ${this.where}`)
    this.state = { at: 'header' }
  }

  /** The header block of an entry: sparse files need more blocks before their content is understood. */
  private *start(header: HeaderBlock, block: Buffer): Generator<TarEvent, void, undefined> {
    if (header.flag === 'S') {
      const parts = gnuParts(block, GNU_HEADER.start, GNU_HEADER.count, this.where)
      const realSize = gnuRealSize(block, this.where)
      if (block[GNU_HEADER.isExtended] === 1) {
        this.state = { at: 'gnu-sparse', header, block, parts, realSize }
        return
      }
      return yield* this.begin(header, block, { parts, size: realSize, stored: this.stored(header) })
    }
    const records = this.prelude.pax
    const version = records.size > 0 && mayBeSparse(header.flag) ? sparseVersion(records) : undefined
    const stored = this.stored(header)
    if (version === undefined) return yield* this.begin(header, block, undefined)
    if (version === '0.x') {
      const size = paxRealSize(records, stored, this.where)
      return yield* this.begin(header, block, { parts: paxParts(records, this.where), size, stored })
    }
    if (stored < BLOCK) throw tarError(`${this.where} is sparse but has no map`)
    this.state = { at: 'sparse-map', header, block, reader: new SparseMapReader(this.where), stored }
  }

  private *gnuExtension(
    state: State & { at: 'gnu-sparse' },
    block: Buffer,
  ): Generator<TarEvent, void, undefined> {
    state.parts.push(...gnuParts(block, GNU_EXTENSION.start, GNU_EXTENSION.count, this.where))
    if (state.parts.length > MAX_PARTS) throw tarError(`${this.where} has a sparse map with too many parts`)
    if (block[GNU_EXTENSION.isExtended] === 1) return
    const { header, parts, realSize } = state
    yield* this.begin(header, state.block, { parts, size: realSize, stored: this.stored(header) })
  }

  private *sparseMap(
    state: State & { at: 'sparse-map' },
    block: Buffer,
  ): Generator<TarEvent, void, undefined> {
    state.stored -= BLOCK
    if (state.stored < 0) throw tarError(`${this.where} has a sparse map longer than its content`)
    const parts = state.reader.push(block)
    if (parts === undefined) return
    const size = paxRealSize(this.prelude.pax, this.stored(state.header), this.where)
    const sparse = { parts, size, stored: state.stored }
    yield* this.begin(state.header, state.block, sparse)
  }

  private *begin(
    header: HeaderBlock,
    block: Buffer,
    sparse: { parts: readonly SparsePart[]; size: number; stored: number } | undefined,
  ): Generator<TarEvent, void, undefined> {
    const { prelude } = this
    this.prelude = emptyPrelude()
    const entry = entryOf(
      {
        header,
        name: prelude.name,
        linkName: prelude.linkName,
        pax: prelude.pax,
        blocks: [...prelude.blocks, block],
        sparseSize: sparse?.size,
      },
      this.where,
      (name) => this.pathOf(name),
    )
    this.counts.add(entry, this.where)
    if (sparse) checkParts(sparse.parts, sparse.stored, sparse.size, this.where)
    const stored = sparse?.stored ?? entry.size
    const content = sparse && new SparseContent(sparse.parts, sparse.size, this.where)
    this.state = { at: 'content', left: stored, padding: paddingOf(stored), sparse: content }
    yield { kind: 'entry', entry, contentAt: this.consumed }
    if (stored > 0) return
    if (content) yield* asData(content.holes())
    this.state = { at: 'header' }
  }

  private stored(header: HeaderBlock): number {
    return sizeOf(header, this.prelude.pax, this.where)
  }

  private pathOf(name: string): string {
    try {
      return layerPath(name)
    } catch (cause) {
      throw tarError(`${this.where}: ${messageOf(cause)}`)
    }
  }

  private *content(
    state: State & { at: 'content' },
    bytes: Buffer,
    at: number,
  ): Generator<TarEvent, number, undefined> {
    const length = Math.min(state.left, bytes.length - at)
    if (length > 0) {
      const data = bytes.subarray(at, at + length)
      state.left -= length
      if (state.sparse) yield* asData(state.sparse.spread(data))
      else yield { kind: 'data', bytes: data }
      if (state.left === 0 && state.sparse) yield* asData(state.sparse.holes())
    }
    const skipped = Math.min(state.left === 0 ? state.padding : 0, bytes.length - at - length)
    state.padding -= skipped
    if (state.left === 0 && state.padding === 0) this.state = { at: 'header' }
    return length + skipped
  }
}

/** Whole tars from any stream of buffers: the scanner's events, one after the other. */
export async function* scanTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEvent, void, undefined> {
  const scanner = new TarScanner()
  for await (const bytes of source) yield* scanner.push(bytes)
  scanner.finish()
}
