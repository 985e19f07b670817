/**
 * The one error class of the project. An error that a person can do something about carries a stable code, one line that
 * says what was wrong and where, and a hint that says what to do. `cli/` prints those; anything else is a bug and
 * is shown as one.
 */
import type { ErrorCode } from './error-codes.ts'
import { isSystemError, systemMessage } from './system-error.ts'

export type { ErrorCode }

export class HeadstartError extends Error {
  override readonly name = 'HeadstartError'
  readonly code: ErrorCode
  readonly hint: string | undefined

  /**
   * @param code stable and searchable, e.g. `E_REFERENCE`
   * @param message one line, no secrets: what was wrong and where, with both values where two disagree
   * @param options.hint what to do next, one line
   */
  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(cut(message), options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint === undefined ? undefined : cut(options.hint)
  }
}

/** A line can be read; what somebody else wrote into it may have megabytes. */
const MAX_CHARACTERS = 4000

const cut = (text: string): string =>
  text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text

/** The message of whatever was thrown, in one line; what the system refused in words. */
export function messageOf(error: unknown): string {
  // Of several attempts (the addresses of a host) the first one says why, and the whole says nothing.
  if (error instanceof AggregateError && error.message === '' && error.errors.length > 0)
    return messageOf(error.errors[0])
  const text = systemMessage(error) ?? (error instanceof Error ? error.message : String(error))
  // Not \s*\n\s*, which would try every space of a long run.
  return text.replace(/\s+/g, (gap) => (gap.includes('\n') ? ' ' : gap)).trim()
}

/** What went wrong, and after it what went wrong while cleaning up: `await using` wraps both in a `SuppressedError`. */
export function failuresOf(error: unknown): [unknown, ...unknown[]] {
  if (!(error instanceof Error && 'suppressed' in error && 'error' in error)) return [error]
  const [first, ...later] = failuresOf(error.suppressed)
  return [first, ...later, ...failuresOf(error.error)]
}

/** The `code` of a system or Headstart error (`ENOENT`, `E_REFERENCE`), if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/**
 * Turns a failed system call (a full disk, a missing permission) into an error that a person understands; other errors are returned as they are.
 * @param what could not be done: the start of the message
 */
export function explained(error: unknown, code: ErrorCode, what: string): unknown {
  return isSystemError(error)
    ? new HeadstartError(code, `${what}: ${messageOf(error)}`, { cause: error })
    : error
}

/** A workspace's folder, in a path. */
const IN_WORKSPACE = /\/headstart-\d+-[0-9a-f]{8}(\/|$)/

/** The disk has no room, or our share of it is used up. */
export const isDiskFull = (error: unknown): boolean =>
  isSystemError(error) && ['ENOSPC', 'EDQUOT'].includes(error.code)

/**
 * Where room was missing, and what to do, which the system's own error doesn't say.
 * @param folder that was written to
 * @param purpose what needed it, or '': ` for a file of 5 bytes`
 */
export const diskFull = (folder: string, cause: unknown, purpose = ''): HeadstartError =>
  new HeadstartError('E_DISK_FULL', `not enough space in ${folder}${purpose}`, {
    cause,
    hint: IN_WORKSPACE.test(folder)
      ? 'Free some, or set HEADSTART_TMPDIR to a folder on a disk with room for the unpacked image'
      : 'Free some, or choose a folder on another disk',
  })

/** A full disk, explained; other errors as they are. */
export const ifDiskFull = (error: unknown, folder: string): unknown =>
  isDiskFull(error) ? diskFull(folder, error) : error
