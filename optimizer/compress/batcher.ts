/**
 * Sends a tar to the compressors as it is read: gathers bytes and member borders, and hands over whole members. Members come in the order
 * of the tar, without gaps between them.
 */

import type { Codec } from '../../image/estargz/format/formats.ts'
import type { Member, Place } from '../../image/estargz/write/members.ts'
import type { Digest } from '../../image/types.ts'
import type { MemberCache } from './cache.ts'
import type { Pool } from './pool.ts'

/** A smaller job isn't worth sending to a thread; chunks are larger. */
const JOB_BYTES = 512 << 10

/** Where compressed members go. */
export interface MemberFile {
  /** @returns where the bytes begin */
  append(bytes: Uint8Array): number
  /** Resolves when few enough bytes wait to be written. */
  drain(): Promise<void>
}

export interface BatcherOptions<P extends Place> {
  readonly pool: Pool
  readonly codec?: Codec | undefined
  readonly level: number
  readonly cache: MemberCache
  /** takes the compressed members */
  readonly file: MemberFile
  /** told the digests of files that share a member: the cache doesn't have those by themselves */
  onShared(place: P, digest: Digest): void
}

export class Batcher<P extends Place> {
  private readonly options: BatcherOptions<P>
  private slices: Uint8Array[] = []
  /** of the tar: where `slices` begin and end, and the end of the last border */
  private start = 0
  private end = 0
  private border = 0
  private members: Member<P>[] = []
  private readonly jobs = new Set<Promise<void>>()
  private failure: unknown

  constructor(options: BatcherOptions<P>) {
    this.options = options
  }

  /** Keeps the bytes until they are sent. */
  append(bytes: Uint8Array): void {
    this.slices.push(bytes)
    this.end += bytes.length
  }

  /** Borders may lie ahead of the bytes. */
  cut(members: readonly Member<P>[]): void {
    for (const member of members) {
      this.members.push(member)
      this.border += member.size
    }
  }

  /** Sends whole members, once they are enough for a job. Waits while too much is in flight. */
  async send(all = false): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    while (this.members.length > 0 && (all || this.end - this.start >= JOB_BYTES)) {
      const ready = this.takeReady()
      if (ready.length === 0) return
      await this.submit(ready)
    }
  }

  /** Everything sent is compressed and in the file once this resolves. */
  async finish(): Promise<void> {
    await this.send(true)
    if (this.end > this.start) throw new Error('bytes without a member were left')
    await Promise.all(this.jobs)
    if (this.failure !== undefined) throw this.failure
  }

  /** Members from the front whose bytes are all here, up to about a job's worth. */
  private takeReady(): Member<P>[] {
    let size = 0
    let count = 0
    for (const member of this.members) {
      if (this.start + size + member.size > this.end || (size > 0 && size + member.size > 2 * JOB_BYTES))
        break
      size += member.size
      count++
    }
    return this.members.splice(0, count)
  }

  private async submit(members: readonly Member<P>[]): Promise<void> {
    const size = members.reduce((sum, member) => sum + member.size, 0)
    await this.options.pool.room(size)
    const bytes = this.take(size)
    const job = compressMembers(bytes, members, this.options)
      .catch((error: unknown) => {
        this.failure ??= error
      })
      .finally(() => {
        this.options.pool.giveBack(size)
        this.jobs.delete(job)
      })
    this.jobs.add(job)
  }

  private take(size: number): ArrayBuffer {
    const buffer = this.options.pool.buffer(size)
    const bytes = new Uint8Array(buffer)
    let at = 0
    let used = 0
    for (; at < size; used++) {
      const slice = this.slices[used]
      if (slice === undefined) throw new Error('a member without bytes')
      const part = slice.subarray(0, size - at)
      bytes.set(part, at)
      at += part.length
      if (part.length === slice.length) continue
      this.slices[used] = slice.subarray(part.length)
      break
    }
    this.slices.splice(0, used)
    this.start += size
    return buffer
  }
}

/** Compresses whole members that lie at the front of `bytes`, one after the other, and remembers them. */
export async function compressMembers<P extends Place>(
  bytes: ArrayBuffer,
  members: readonly Member<P>[],
  { pool, codec, level, cache, file, onShared }: BatcherOptions<P>,
): Promise<void> {
  const starts = startsOf(members)
  const result = await pool.compress({
    bytes,
    codec,
    level,
    members: members.map((member, index) => [starts[index] ?? 0, (starts[index] ?? 0) + member.size]),
    hashes: members.flatMap((member, index) =>
      member.chunks.map(({ innerOffset, size }) => {
        const start = (starts[index] ?? 0) + innerOffset
        return [start, start + size] as const
      }),
    ),
  })
  let position = file.append(result.output)
  let hash = 0
  members.forEach((member, index) => {
    const size = result.sizes[index] ?? 0
    const digests = result.digests.slice(hash, hash + member.chunks.length)
    hash += member.chunks.length
    cache.set(member.ranges, { at: position, size, digests })
    position += size
    if (member.chunks.length < 2) return
    member.chunks.forEach((chunk, nth) => {
      const digest = digests[nth]
      // The last chunk of a large file may share its member with small ones; its digest is not the file's.
      if (digest !== undefined && chunk.size === chunk.place.size) onShared(chunk.place, digest)
    })
  })
  await file.drain()
}

/** Where each begins when they stand one after the other. */
function startsOf(members: readonly { readonly size: number }[]): number[] {
  let at = 0
  return members.map(({ size }) => {
    at += size
    return at - size
  })
}
