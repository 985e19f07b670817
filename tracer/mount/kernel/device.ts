/** Mounts the kernel's FUSE device: whoever reads from it then answers for the file system. */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import type { MountSpec } from '../messages.ts'

/** @returns the device's descriptor. @throws HeadstartError E_FUSE */
export async function mountDevice({
  mountPoint,
  allowOther,
}: Pick<MountSpec, 'mountPoint' | 'allowOther'>): Promise<number> {
  const device = openSync('/dev/fuse', 'r+')
  try {
    await runMount(device, mountPoint, allowOther)
    return device
  } catch (cause) {
    closeSync(device)
    throw new HeadstartError('E_FUSE', `the FUSE mount failed: ${messageOf(cause)}`, { cause })
  }
}

/** The device's descriptor goes to the mount program as its own number 3. */
function runMount(device: number, mountPoint: string, allowOther: boolean): Promise<void> {
  const own = 'fd=3,rootmode=40000,user_id=0,group_id=0,default_permissions,ro,nodev,nosuid'
  const options = allowOther ? `${own},allow_other` : own
  // -i: without the library's mount helper, which would open the device itself
  const child = spawn('mount', ['-i', '-t', 'fuse.headstart', '-o', options, 'headstart', mountPoint], {
    stdio: ['ignore', 'ignore', 'pipe', device],
  })
  let complaint = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(complaint.trim() || `mount ended with status ${code}`))
    })
  })
}
