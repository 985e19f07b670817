/**
 * Reads whole files without trusting them: they may not be regular files (a pipe blocks for ever, a device has no end), or be larger than
 * they say. Memory is bounded by the limit.
 */
import { constants, createReadStream } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { HeadstartError } from '../errors.ts'
import { readBounded } from './read-bounded.ts'

/** Traces, records and measurements of large images reach tens of megabytes. */
export const MAX_DOCUMENT_BYTES = 256 << 20
/** For files written by hand. */
export const MAX_SETTINGS_BYTES = 4 << 20

/**
 * Opens a regular file, or what a link points to if that is one; never waits, as opening a pipe would.
 * @throws HeadstartError E_NOT_A_FILE; what the system says of one that can't be opened
 */
export async function openRegular(path: string): Promise<FileHandle> {
  if (!(await stat(path)).isFile()) throw notAFile(path) // a device is not even opened, which can have side effects
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw notAFile(path)
}

const notAFile = (path: string): HeadstartError =>
  new HeadstartError('E_NOT_A_FILE', `${path} is not a regular file`)

/**
 * A regular file.
 * @param limit bytes
 * @throws HeadstartError E_NOT_A_FILE, E_TOO_LARGE
 */
export async function readWhole(path: string, limit: number): Promise<Buffer> {
  await using file = await openRegular(path)
  const { size } = await file.stat()
  if (size > limit) throw tooLarge(path, size, limit)
  // It may grow while it is read, and some files (those of /proc) have no size.
  const pieces: Buffer[] = []
  for (let length = 0; ; ) {
    const piece = Buffer.allocUnsafe(Math.max(PIECE, size + 1 - length))
    const { bytesRead } = await file.read(piece)
    if (bytesRead === 0) return Buffer.concat(pieces)
    length += bytesRead
    if (length > limit) throw tooLarge(path, length, limit)
    pieces.push(piece.subarray(0, bytesRead))
  }
}

const PIECE = 4096

const tooLarge = (path: string, size: number, limit: number): HeadstartError =>
  new HeadstartError('E_TOO_LARGE', `${path} has ${size} bytes; ${limit} is the limit`)

/**
 * What a person names on the command line, which may be a pipe too (`<(…)`, `/dev/stdin`).
 * @throws HeadstartError E_TOO_LARGE
 */
export async function readInput(path: string, limit: number = MAX_DOCUMENT_BYTES): Promise<string> {
  const info = await stat(path)
  const isStream = info.isFIFO() || info.isCharacterDevice() || info.isSocket()
  const bytes = isStream
    ? await readBounded(createReadStream(path), limit, path)
    : await readWhole(path, limit)
  return bytes.toString('utf8')
}

/** Settings of the machine or a person. @throws HeadstartError E_NOT_A_FILE, E_TOO_LARGE */
export const readSettings = async (path: string): Promise<string> =>
  (await readWhole(path, MAX_SETTINGS_BYTES)).toString('utf8')
