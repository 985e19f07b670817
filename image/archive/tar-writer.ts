/** Writes files into a tar one after the other, in the order they are asked for, to a stream that may be slow or fail. */
import type { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { END_OF_TAR, plainFileHeader } from '../tar/encode.ts'
import { paddingOf } from '../tar/entry.ts'

export class TarWriter {
  private readonly out: Writable
  /** settles when everything so far is written */
  private last: Promise<unknown> = Promise.resolve()

  constructor(out: Writable) {
    this.out = out
    this.out.on('error', () => {}) // the writer gets the error from `write`
  }

  /** What is written in `work` stands together. After a failure everything fails: the tar ends inside a file. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work)
    this.last = result
    result.catch(() => {}) // the caller has it too
    return result
  }

  bytes(path: string, content: Uint8Array): Promise<void> {
    return this.write([
      plainFileHeader(path, content.length),
      content,
      Buffer.alloc(paddingOf(content.length)),
    ])
  }

  async file(path: string, size: number, content: Readable): Promise<void> {
    await this.write([plainFileHeader(path, size)])
    await this.raw(content)
    await this.write([Buffer.alloc(paddingOf(size))])
  }

  /** As it is: whole entries of another tar. @returns the number of bytes */
  async raw(content: Readable): Promise<number> {
    let written = 0
    for await (const piece of content) {
      await this.write([piece])
      written += piece.length
    }
    return written
  }

  async end(): Promise<void> {
    this.out.end(END_OF_TAR)
    await finished(this.out, { readable: false })
  }

  private async write(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts)
      await new Promise<void>((resolve, reject) => {
        this.out.write(part, (error) => (error ? reject(error) : resolve()))
      })
  }
}
