/** Messages to the kernel, and what it means when none arrives from it. */
import { writeSync } from 'node:fs'
import { codeOf } from '../../../system/errors.ts'

/** The process that asked may be gone by now, as may the node that a message is about, and the mount. */
export function send(device: number, message: Buffer): void {
  try {
    writeSync(device, message)
  } catch (error) {
    if (!['ENOENT', 'ENODEV'].includes(codeOf(error) ?? '')) throw error
  }
}

/** What an error of reading the device means. @returns 0: nothing arrived, try again; undefined: the mount is gone */
export const noRequest = (error: unknown): 0 | undefined =>
  // A request that was taken back before it was read is ENOENT.
  ['ENOENT', 'EINTR', 'EAGAIN'].includes(codeOf(error) ?? '') ? 0 : undefined
