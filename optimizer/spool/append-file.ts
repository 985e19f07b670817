/** A file that only grows: what a rebuild writes on its way, to be read again in another order. */
import { type FileHandle, open, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { diskFull, ifDiskFull } from '../../system/errors.ts'

/** Bytes that gather before they are written. */
const WRITE_BYTES = 1 << 20
/** Bytes that may wait for the disk. */
const MAX_WAITING_BYTES = 4 << 20

export class AppendFile implements AsyncDisposable {
  readonly path: string
  /** bytes appended so far: where the next ones go */
  size = 0
  private readonly file: FileHandle
  private gathered: Uint8Array[] = []
  private gatheredBytes = 0
  private waitingBytes = 0
  private writing: Promise<void> = Promise.resolve()
  private failure: unknown

  /** bytes that were free when the file was made */
  private readonly room: number

  private constructor(path: string, file: FileHandle, room: number) {
    this.path = path
    this.file = file
    this.room = room
  }

  static async create(path: string): Promise<AppendFile> {
    const { bavail, bsize } = await statfs(dirname(path))
    return new AppendFile(path, await open(path, 'wx', 0o600), bavail * bsize)
  }

  /** Fails at once for what can't fit: a sparse file may claim a terabyte of holes. @throws HeadstartError E_DISK_FULL */
  expect(bytes: number, what: string): void {
    if (this.size + bytes > this.room)
      throw diskFull(dirname(this.path), undefined, ` for ${what} of ${bytes} bytes`)
  }

  /** Keeps the bytes, doesn't copy them. @returns where they begin */
  append(bytes: Uint8Array): number {
    const at = this.size
    this.size += bytes.length
    this.gathered.push(bytes)
    this.gatheredBytes += bytes.length
    if (this.gatheredBytes >= WRITE_BYTES) this.write()
    return at
  }

  private write(): void {
    const parts = this.gathered
    const bytes = this.gatheredBytes
    if (bytes === 0) return
    this.gathered = []
    this.gatheredBytes = 0
    this.waitingBytes += bytes
    this.writing = this.writing
      .then(() => (this.failure === undefined ? writeAll(this.file, parts, bytes) : undefined))
      .catch((error: unknown) => {
        this.failure ??= ifDiskFull(error, dirname(this.path))
      })
      .finally(() => {
        this.waitingBytes -= bytes
      })
  }

  /** Resolves when few enough bytes wait for the disk. Rejects when a write failed. */
  async drain(): Promise<void> {
    if (this.waitingBytes > MAX_WAITING_BYTES) await this.writing
    if (this.failure !== undefined) throw this.failure
  }

  /** Everything appended can be read once this resolves. */
  async flush(): Promise<void> {
    this.write()
    await this.writing
    if (this.failure !== undefined) throw this.failure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writing
    await this.file.close()
  }
}

/** Most kernels take 1024 parts in one call. */
const MAX_PARTS = 1024

async function writeAll(file: FileHandle, parts: readonly Uint8Array[], bytes: number): Promise<void> {
  if (parts.length === 1 && parts[0]) return void (await file.writeFile(parts[0]))
  for (let at = 0; at < parts.length; at += MAX_PARTS) {
    const some = parts.slice(at, at + MAX_PARTS)
    const size = parts.length <= MAX_PARTS ? bytes : some.reduce((sum, part) => sum + part.length, 0)
    const { bytesWritten } = await file.writev(some)
    // A disk that is nearly full takes a part; the rest then says why.
    if (bytesWritten < size) await file.writeFile(Buffer.concat(some).subarray(bytesWritten))
  }
}
