/**
 * Serves a tree on disk straight from the kernel's device, without a library: two threads block on it, so that a request costs no
 * turn of an event loop.
 */

import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import type { NodeId } from '../file-system.ts'
import type { MountSpec } from '../messages.ts'
import type { AccessLog } from '../recording.ts'
import type { TreeIndex } from '../tree-index.ts'
import { invalidation } from './codec.ts'
import { createRing, drain, EVENT, type Ring } from './events.ts'
import { send } from './send.ts'
import type { WorkerInput } from './worker.ts'

const THREADS = 2
const DRAIN_MS = 20

export interface KernelServer {
  /** Passes everything that has happened so far to the log. */
  flush(): void
  /** Makes the kernel ask again for these files and symlinks. */
  forget(nodes: Iterable<NodeId>): void
}

/** @throws HeadstartError E_FUSE */
export async function serveKernel(
  index: TreeIndex,
  { mountPoint, allowOther }: Pick<MountSpec, 'mountPoint' | 'allowOther'>,
  log: AccessLog | undefined,
): Promise<KernelServer> {
  const device = openSync('/dev/fuse', 'r+')
  try {
    await mountDevice(device, mountPoint, allowOther)
  } catch (cause) {
    closeSync(device)
    throw new HeadstartError('E_FUSE', `the FUSE mount failed: ${messageOf(cause)}`, { cause })
  }
  const rings = Array.from({ length: THREADS }, () => (log ? createRing() : undefined))
  for (const ring of rings) {
    const workerData: WorkerInput = { device, index, ring }
    new Worker(new URL('./worker.ts', import.meta.url), { workerData, execArgv: [] })
  }
  const flush = () => {
    if (log) for (const event of inOrder(rings)) tell(log, event)
  }
  setInterval(flush, DRAIN_MS).unref()
  return {
    flush,
    forget(nodes) {
      for (const node of nodes) send(device, invalidation(node))
    },
  }
}

/** The device's descriptor goes to the mount program as its own number 3. */
function mountDevice(device: number, mountPoint: string, allowOther: boolean): Promise<void> {
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

/** Each thread's events are in order; those of both are merged by time. */
function inOrder(rings: readonly (Ring | undefined)[]) {
  return rings.flatMap((ring) => (ring ? drain(ring) : [])).sort((a, b) => a.at - b.at)
}

function tell(log: AccessLog, { type, node, extra, at, offset }: ReturnType<typeof drain>[number]): void {
  if (type === EVENT.found) log.found(extra, undefined, node)
  else if (type === EVENT.missing) log.missing()
  else if (type === EVENT.listing) log.listing()
  else if (type === EVENT.opened) log.opened(node, at)
  else if (type === EVENT.read) log.read(node, at, offset, offset + extra)
}
