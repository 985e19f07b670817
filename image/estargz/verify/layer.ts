/** One layer, read once: digests of chunks, files, table of contents and diffID, metadata against the tar, landmarks. */
import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { textOf } from '../../../system/text/byte-path.ts'
import { type ByteRange, type Digest, digestOf } from '../../digest.ts'
import type { TarEntry } from '../../tar/entry.ts'
import { TarScanner } from '../../tar/scan.ts'
import type { Chunk, EstargzEntry } from '../format/entry.ts'
import { landmarkFaults, withLandmarks } from '../format/landmarks.ts'
import { TOC_NAME } from '../format/toc.ts'
import { decodeAhead } from '../read/ahead.ts'
import { chunkFault, type DecodedMember, decodeMembers, partOf } from '../read/decode.ts'
import { allGroups, type Group } from '../read/groups.ts'
import {
  type EstargzLayer,
  type ExternalToc,
  MAX_TOC_BYTES,
  openEstargz,
  type RangeFetch,
  unpackToc,
} from '../read/reader.ts'
import { chainFaults } from './chains.ts'
import { differencesOf } from './compare.ts'
import { hardlinkFaults } from './hardlinks.ts'
import type { Report } from './report.ts'

/** One fault often comes with thousands. */
const MAX_PROBLEMS = 50

/** A layer's blob, and what manifest and config say about it. */
export interface ClaimedLayer {
  /** bytes of the blob */
  readonly size: number
  readonly fetch: RangeFetch
  /** The whole blob; the stream fails at its end when its digest is wrong. */
  open(): Promise<Readable>
  /** sha256 of the uncompressed layer */
  readonly diffId: Digest
  /** sha256 of the table of contents */
  readonly tocDigest?: string | undefined
  readonly externalToc?: ExternalToc | undefined
  readonly tocAt?: ByteRange | undefined
  /** bytes of the uncompressed layer, in decimal */
  readonly uncompressedSize?: string | undefined
}

/** @returns the layer as it was read. @throws HeadstartError E_NOT_ESTARGZ, E_NO_TOC, E_ESTARGZ, E_DIGEST: what keeps it from being read at all */
export async function verifyEstargz(
  layer: ClaimedLayer,
  report: Report,
  signal?: AbortSignal,
): Promise<EstargzLayer> {
  const { tocDigest, externalToc, tocAt } = layer
  const estargz = await openEstargz(layer.size, layer.fetch, { tocDigest, externalToc, tocAt, signal })
  const verifier = new LayerVerifier(estargz, report)
  const stream = await layer.open()
  try {
    for await (const { group, bytes, members } of decodeAhead(stream, verifier.groups)) {
      if (group?.offset === 0) verifier.chains(bytes)
      if (group) verifier.group(group, members)
      else verifier.tail(bytes)
    }
  } finally {
    stream.destroy()
  }
  verifier.finish(layer.diffId, layer.uncompressedSize)
  return estargz
}

interface OpenFile {
  readonly entry: TarEntry
  readonly hash: Hash
  /** of its content, where a chunk was that: hashing it again would tell nothing new */
  known: Digest | undefined
}

/** The same memory, not only equal: the zeros of a sparse file's holes are elsewhere. */
const isSame = (a: Buffer, b: Buffer): boolean =>
  a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length

class LayerVerifier {
  readonly groups: readonly Group[]
  private readonly layer: EstargzLayer
  private readonly report: Report
  private readonly entries: readonly EstargzEntry[]
  private readonly owners = new Map<Chunk, EstargzEntry>()
  private readonly contents = new Map<EstargzEntry, Hash>()
  /** sound chunks that are a whole file, by where they begin in the member that is being scanned */
  private readonly whole = new Map<number, { readonly bytes: Buffer; readonly digest: Digest }>()
  private readonly scanner = new TarScanner()
  private readonly diffId = createHash('sha256')
  private size = 0
  private position = 0
  private file: OpenFile | undefined
  private isScanning = true
  private hasToc = false
  private problems = 0

  constructor(layer: EstargzLayer, report: Report) {
    this.layer = layer
    this.report = (message, path) => {
      this.problems++
      if (this.problems <= MAX_PROBLEMS) report(message, path)
      if (this.problems === MAX_PROBLEMS + 1)
        throw new HeadstartError('E_ESTARGZ', 'there are more faults than are listed')
    }
    this.entries = withLandmarks(layer)
    for (const entry of this.entries) for (const chunk of entry.chunks) this.owners.set(chunk, entry)
    this.groups = allGroups(
      this.entries.flatMap(({ chunks }) => chunks),
      layer.tocOffset,
    )
    for (const fault of landmarkFaults(this.entries)) this.report(fault)
    if (layer.chains.length > 0 && layer.landmark !== 'prefetch')
      this.report('has ranges ahead, but no landmark that says how far to prefetch')
    for (const { path, message } of hardlinkFaults(this.entries)) this.report(message, textOf(path))
  }

  group(group: Group, members: Iterable<DecodedMember>): void {
    try {
      for (const member of members) {
        this.whole.clear()
        for (const chunk of member.chunks) this.chunk(chunk, partOf(member.content, chunk))
        this.scan(member.content)
      }
    } catch (error) {
      this.report(`the data at ${group.offset}: ${messageOf(error)}`, this.pathOf(group.chunks[0]))
      this.isScanning = false // what follows can't be found any more
    }
  }

  /** @param bytes the blob's first, in which all chains of carriers lie */
  chains(bytes: Buffer): void {
    for (const { message, name } of chainFaults(bytes, this.layer.chains))
      this.report(message, name === undefined ? undefined : textOf(name))
  }

  private pathOf(chunk: Chunk | undefined): string | undefined {
    const path = chunk && this.owners.get(chunk)?.path
    return path === undefined ? undefined : textOf(path)
  }

  private chunk(chunk: Chunk, bytes: Buffer): void {
    const entry = this.owners.get(chunk)
    if (entry === undefined) return
    const path = textOf(entry.path)
    const fault = chunkFault(chunk, bytes)
    if (fault) this.report(fault.message, path)
    else if (entry.chunks.length === 1 && chunk.digest !== undefined) {
      this.whole.set(bytes.byteOffset, { bytes, digest: chunk.digest })
      if (entry.digest !== undefined && entry.digest !== chunk.digest)
        this.report(`its chunks give the digest ${chunk.digest}, but its entry says ${entry.digest}`, path)
      return
    }
    const hash = this.contents.get(entry) ?? createHash('sha256')
    this.contents.set(entry, hash.update(bytes))
    if (chunk !== entry.chunks.at(-1) || entry.digest === undefined) return
    const digest = `sha256:${hash.digest('hex')}`
    if (digest !== entry.digest)
      this.report(`its chunks give the digest ${digest}, but its entry says ${entry.digest}`, path)
  }

  /** Table of contents and footer. */
  tail(bytes: Buffer): void {
    if (this.layer.tocPlace !== 'in-tar') return // it is no part of the tar, and was checked when it was opened
    const toc = unpackToc(bytes.subarray(0, bytes.length)) // the footer is an empty member
    if (digestOf(toc) !== this.layer.tocDigest) this.report('the table of contents changed while it was read')
    const limit = MAX_TOC_BYTES
    for (const { content } of decodeMembers({ bytes, offset: this.layer.tocOffset, chunks: [], limit }))
      this.scan(content)
  }

  private scan(content: Buffer): void {
    this.diffId.update(content)
    this.size += content.length
    if (!this.isScanning) return
    try {
      for (const event of this.scanner.push(content)) {
        if (event.kind === 'entry') this.tarEntry(event.entry)
        else if (this.file) this.file.known = this.hashed(this.file, event.bytes)
      }
    } catch (error) {
      this.isScanning = false
      this.report(messageOf(error))
    }
  }

  /** @returns the digest, when these bytes are the file and a chunk, the same bytes in memory */
  private hashed({ entry, hash }: OpenFile, bytes: Buffer): Digest | undefined {
    const chunk = this.whole.get(bytes.byteOffset)
    if (chunk && isSame(chunk.bytes, bytes) && entry.size === bytes.length) return chunk.digest
    hash.update(bytes)
    return undefined
  }

  private tarEntry(entry: TarEntry): void {
    this.closeFile()
    if (this.hasToc) this.report('comes after the table of contents', textOf(entry.path))
    if (entry.path === TOC_NAME) {
      this.hasToc = true
      return
    }
    const toc = this.entries[this.position]
    if (entry.type === 'reg') this.file = { entry, hash: createHash('sha256'), known: undefined }
    if (toc?.name !== entry.name) {
      this.report(
        `the table of contents has ${JSON.stringify(textOf(toc?.name ?? ''))} in this place`,
        textOf(entry.path),
      )
      this.isScanning = false // every entry after it would be reported too
      return
    }
    for (const fault of differencesOf(entry, toc)) this.report(fault, textOf(entry.path))
    this.position++
  }

  private closeFile(): void {
    const { file } = this
    this.file = undefined
    if (file === undefined || !this.isScanning) return
    const expected = this.entries[this.position - 1]?.digest
    const digest = file.known ?? `sha256:${file.hash.digest('hex')}`
    if (expected === undefined) this.report('has no digest', textOf(file.entry.path))
    else if (digest !== expected)
      this.report(
        `has the digest ${digest} in the tar, but the table of contents says ${expected}`,
        textOf(file.entry.path),
      )
  }

  finish(diffId: string, uncompressedSize: string | undefined): void {
    this.closeFile()
    // The tar may end before its table of contents, which BuildKit puts behind the end: nobody who unpacks it reads on.
    if (this.isScanning && this.position < this.entries.length)
      this.report(
        `entries in the table of contents that the tar lacks: ${this.entries.length - this.position}`,
      )
    const found = `sha256:${this.diffId.digest('hex')}`
    if (found !== diffId) this.report(`the diffID is ${found}, but the config says ${diffId}`)
    if (uncompressedSize !== undefined && uncompressedSize !== String(this.size))
      this.report(`unpacks to ${this.size} bytes, but the manifest says ${uncompressedSize}`)
  }
}
