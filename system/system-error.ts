/** What the operating system refused, in words instead of an error's short name and the call that failed. Pure. */

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'this machine does not have the address',
  EAI_AGAIN: 'the name server does not answer',
  EBUSY: 'it is in use',
  ECONNREFUSED: 'nothing is listening',
  ECONNRESET: 'the connection was cut',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'it already exists',
  EFBIG: 'the file would be too large',
  EHOSTUNREACH: 'the host cannot be reached',
  EIO: 'the disk failed',
  EISDIR: 'it is a folder',
  ELOOP: 'too many symlinks',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENETUNREACH: 'the network cannot be reached',
  ENFILE: 'too many files are open on this machine',
  ENOENT: 'no such file or folder',
  ENOMEM: 'not enough memory',
  ENOSPC: 'no space is left on the disk',
  ENOTDIR: 'not a folder',
  ENOTEMPTY: 'the folder is not empty',
  ENOTFOUND: 'no such host',
  ENXIO: 'nothing is reading it',
  EPERM: 'not permitted',
  EPIPE: 'the reader has closed it',
  EROFS: 'the file system is read-only',
  ETIMEDOUT: 'it did not answer in time',
  ETXTBSY: 'the program is running',
}

/** Facts that Node puts on such errors, beside the message. */
interface SystemError extends Error {
  readonly code: string
  readonly errno: unknown
  readonly syscall: string
}

/** Node's error for a system call that failed. */
export const isSystemError = (error: unknown): error is SystemError =>
  error instanceof Error &&
  'errno' in error &&
  'syscall' in error &&
  'code' in error &&
  typeof error.code === 'string' &&
  typeof error.syscall === 'string'

/** The reason without the place. @returns undefined: not of the system, or with a name that is not known here */
export const systemReason = (error: unknown): string | undefined =>
  isSystemError(error) ? WORDS[error.code] : undefined

/** @returns the reason and where, in one line; undefined as above */
export function systemMessage(error: unknown): string | undefined {
  const reason = systemReason(error)
  const where = placeOf(error)
  return reason === undefined || where === undefined ? reason : `${reason}: ${where}`
}

function placeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
  if ('path' in error && text(error.path)) return text(error.path)
  if ('hostname' in error && text(error.hostname)) return text(error.hostname)
  const address = 'address' in error ? text(error.address) : undefined
  const port = 'port' in error && typeof error.port === 'number' && error.port >= 0 ? `:${error.port}` : ''
  return address === undefined ? undefined : `${address}${port}`
}
