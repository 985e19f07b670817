/**
 * A streaming tar scanner that loses nothing: raw header blocks are kept, so that a file can be moved to another place of another
 * tar byte for byte. It reads what v7, ustar, PAX (global headers too), GNU (long names, sparse files) and star write, takes memory for
 * one header at a time, and says where a tar is damaged.
 *
 * Which fields win follows what container runtimes do (they read with Go's archive/tar).
 */
import { messageOf } from '../errors.ts'
import { normalizePath, textOf } from '../paths.ts'
import { BLOCK, paddingOf, type TarEntry } from './entry.ts'
import { type HeaderBlock, parseHeaderBlock, tarError } from './header.ts'
import { entryOf, gnuRealSize, paxRealSize, recordsOf, sizeOf } from './metadata.ts'
import { parsePax } from './pax.ts'
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

/** Go's limit for a PAX or long-name block; a runtime refuses longer ones. */
const MAX_SPECIAL_BYTES = 1 << 20
/** All blocks before an entry's own header: every kind of special block once is less. */
const MAX_HEADER_BYTES = 4 << 20
/** No larger file fits a container's disk; an archive that names one only wants our time. */
const MAX_FILE_BYTES = 2 ** 44
const ZERO_BLOCK = Buffer.alloc(BLOCK)

const mayBeSparse = (flag: string): boolean => flag === '0' || flag === '\0' || flag === '7'

/** What stands before an entry's own header block and belongs to it. */
interface Prelude {
  blocks: Buffer[]
  bytes: number
  pax: [string, string][]
  name: string | undefined
  linkName: string | undefined
}

const emptyPrelude = (): Prelude => ({ blocks: [], bytes: 0, pax: [], name: undefined, linkName: undefined })

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
  private partial = Buffer.alloc(0)
  private prelude = emptyPrelude()
  private globals: readonly (readonly [string, string])[] = []
  private isZeroBefore = false
  private consumed = 0
  private where = 'the first header'

  /** @throws HeadstartError E_TAR: the tar ends inside an entry. (Many tars lack the zero blocks at their end.) */
  finish(): void {
    const isWhole =
      this.state.at === 'end' ||
      (this.state.at === 'header' && this.partial.length === 0 && this.prelude.bytes === 0)
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
      const block = this.takeBlock(bytes, at)
      at += block.used
      this.consumed += block.used
      if (block.bytes) yield* this.block(block.bytes)
    }
  }

  /** Headers outlive the bytes pushed, so they are copied. */
  private takeBlock(bytes: Buffer, at: number): { bytes: Buffer | undefined; used: number } {
    const used = Math.min(BLOCK - this.partial.length, bytes.length - at)
    if (this.partial.length + used < BLOCK) {
      this.partial = Buffer.concat([this.partial, bytes.subarray(at)])
      return { bytes: undefined, used }
    }
    const block = Buffer.concat([this.partial, bytes.subarray(at, at + used)])
    if (this.partial.length > 0) this.partial = Buffer.alloc(0)
    return { bytes: block, used }
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
    if ('xgLK'.includes(header.flag)) return this.startSpecial(header, block)
    this.where = JSON.stringify(textOf((this.prelude.name ?? header.name).slice(0, 200)))
    yield* this.start(header, block)
  }

  private end(): void {
    if (this.prelude.bytes > 0) throw tarError(`it ends after a header that describes no entry`)
    this.state = { at: 'end' }
  }

  private startSpecial(header: HeaderBlock, block: Buffer): void {
    if (header.size > MAX_SPECIAL_BYTES)
      throw tarError(`a header block after ${this.where} has ${header.size} bytes`)
    const blocks = Math.ceil(header.size / BLOCK)
    this.prelude.bytes += BLOCK * (blocks + 1)
    if (this.prelude.bytes > MAX_HEADER_BYTES) throw tarError(`the headers after ${this.where} have no end`)
    if (header.flag !== 'g') this.prelude.blocks.push(block)
    this.state = { at: 'special', header, blocks: [], left: blocks }
    if (blocks === 0) this.endSpecial(header, Buffer.alloc(0))
  }

  private special(state: State & { at: 'special' }, block: Buffer): void {
    state.blocks.push(block)
    if (--state.left > 0) return
    if (state.header.flag !== 'g') this.prelude.blocks.push(...state.blocks)
    this.endSpecial(state.header, Buffer.concat(state.blocks).subarray(0, state.header.size))
  }

  private endSpecial({ flag }: HeaderBlock, bytes: Buffer): void {
    this.state = { at: 'header' }
    const where = `the header after ${this.where}`
    if (flag === 'x') this.prelude.pax = parsePax(bytes, where)
    else if (flag === 'g') {
      this.globals = [...new Map([...this.globals, ...parsePax(bytes, where)])]
      if (this.prelude.blocks.length === 0) this.prelude.bytes = 0
    } else {
      const zero = bytes.indexOf(0)
      const text = bytes.toString('latin1', 0, zero === -1 ? bytes.length : zero)
      if (flag === 'L') this.prelude.name = text
      else this.prelude.linkName = text
    }
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
      return yield* this.begin(header, block, { parts, size: realSize, stored: header.size })
    }
    const records = recordsOf(this.globals, this.prelude.pax)
    const maySparse = records.size > 0 && mayBeSparse(header.flag)
    // Version 0.0 repeats its keys, so the pairs are looked at, not the map.
    const parts = maySparse ? paxParts([...this.globals, ...this.prelude.pax], this.where) : undefined
    const stored = sizeOf(header, records, this.where)
    if (parts === undefined) return yield* this.begin(header, block, undefined)
    if (parts !== '1.0')
      return yield* this.begin(header, block, { parts, size: paxRealSize(records, this.where), stored })
    if (stored < BLOCK) throw tarError(`${this.where} is sparse without a map`)
    this.state = { at: 'sparse-map', header, block, reader: new SparseMapReader(this.where), stored }
  }

  private *gnuExtension(
    state: State & { at: 'gnu-sparse' },
    block: Buffer,
  ): Generator<TarEvent, void, undefined> {
    state.parts.push(...gnuParts(block, GNU_EXTENSION.start, GNU_EXTENSION.count, this.where))
    if (state.parts.length > MAX_PARTS) throw tarError(`${this.where} has a sparse map of too many parts`)
    if (block[GNU_EXTENSION.isExtended] === 1) return
    const { header, parts, realSize } = state
    yield* this.begin(header, state.block, { parts, size: realSize, stored: header.size })
  }

  private *sparseMap(
    state: State & { at: 'sparse-map' },
    block: Buffer,
  ): Generator<TarEvent, void, undefined> {
    state.stored -= BLOCK
    if (state.stored < 0) throw tarError(`${this.where} has a sparse map longer than its content`)
    const parts = state.reader.push(block)
    if (parts === undefined) return
    const records = recordsOf(this.globals, this.prelude.pax)
    const sparse = { parts, size: paxRealSize(records, this.where), stored: state.stored }
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
        globals: this.globals,
        pax: prelude.pax,
        blocks: [...prelude.blocks, block],
        sparseSize: sparse?.size,
      },
      this.where,
      (name) => this.pathOf(name),
    )
    if (entry.size > MAX_FILE_BYTES) throw tarError(`${this.where} claims ${entry.size} bytes`)
    if (sparse) checkParts(sparse.parts, sparse.stored, sparse.size, this.where)
    const stored = sparse?.stored ?? entry.size
    const content = sparse && new SparseContent(sparse.parts, sparse.size, this.where)
    this.state = { at: 'content', left: stored, padding: paddingOf(stored), sparse: content }
    yield { kind: 'entry', entry, contentAt: this.consumed }
    if (stored > 0) return
    if (content) yield* asData(content.holes())
    this.state = { at: 'header' }
  }

  private pathOf(name: string): string {
    try {
      return normalizePath(name)
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
