/** Messages to the kernel. */
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
