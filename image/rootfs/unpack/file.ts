/** One regular file while it is unpacked: content with holes for its zeros, then owner, mode and times. */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  openSync,
  writeSync,
} from 'node:fs'
import type { BytePath } from '../../../system/text/byte-path.ts'
import type { TarEntry } from '../../tar/entry.ts'

/** Runs of at least this many zeros become holes. */
const HOLE_BYTES = 4096
const ZEROS = Buffer.alloc(1 << 20)
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW

/** Our user and group, and the bits of a mode that a new file gets. */
export const self = {
  uid: process.geteuid?.() ?? 0,
  gid: process.getegid?.() ?? 0,
  mask: 0o777 & ~process.umask(),
} as const

const MAX_SECONDS = (2 ** 63 - 1) / 1e9

/** As runtimes set it: a time before 1970, or too late for 64 bits of nanoseconds, is 1970. */
export const boundTime = (seconds: number): number => (seconds < 0 || seconds > MAX_SECONDS ? 0 : seconds)

export class FileWriter {
  readonly entry: TarEntry
  /** located in the root */
  readonly path: BytePath
  private readonly fd: number
  private position = 0
  private hasHole = false

  /** @throws EEXIST where anything is, symlinks included */
  constructor(host: string | Buffer, path: BytePath, entry: TarEntry) {
    this.path = path
    this.entry = entry
    this.fd = openSync(host, CREATE, entry.mode & 0o777)
  }

  /** Zeros become a hole when there are enough of them. */
  write(bytes: Buffer): void {
    if (bytes.length >= HOLE_BYTES && bytes[0] === 0 && isZero(bytes)) {
      this.position += bytes.length
      this.hasHole = true
      return
    }
    for (let at = 0; at < bytes.length; ) {
      const written = writeSync(this.fd, bytes, at, bytes.length - at, this.position)
      at += written
      this.position += written
    }
  }

  /** Owner before mode: changing the owner clears setuid. */
  end(): void {
    const { uid, gid, mode } = this.entry
    const mtime = boundTime(this.entry.mtime)
    try {
      if (this.hasHole) ftruncateSync(this.fd, this.position)
      if (uid !== self.uid || gid !== self.gid) fchownSync(this.fd, uid, gid)
      if ((mode & self.mask) !== mode) fchmodSync(this.fd, mode)
      futimesSync(this.fd, mtime, mtime)
    } finally {
      closeSync(this.fd)
    }
  }

  abandon(): void {
    closeSync(this.fd)
  }
}

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const end = Math.min(bytes.length, at + ZEROS.length)
    if (bytes.compare(ZEROS, 0, end - at, at, end) !== 0) return false
  }
  return true
}
