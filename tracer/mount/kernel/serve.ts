/**
 * Serves a tree straight from the kernel's device, without a library. For one on disk two threads block on it, so that a request costs no
 * turn of an event loop; one that is fetched waits for the network, and so is served here.
 */

import { read } from 'node:fs'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { FileSystem, NodeId } from '../file-system.ts'
import type { MountSpec } from '../messages.ts'
import type { AccessLog } from '../recording.ts'
import type { TreeIndex } from '../tree/tree-index.ts'
import { answerRead, createAnswerer, isRead } from './answer.ts'
import { invalidation, REQUEST_BYTES } from './codec.ts'
import { mountDevice } from './device.ts'
import { createRing, drain, EVENT, type Ring } from './events.ts'
import { noRequest, send } from './send.ts'
import type { WorkerInput } from './worker.ts'

const THREADS = 2
const DRAIN_MS = 20

export interface KernelServer {
  /** Passes everything that has happened so far to the log. */
  flush(): void
  /** Makes the kernel ask again for these files and symlinks. */
  forget(nodes: Iterable<NodeId>): void
}

type Place = Pick<MountSpec, 'mountPoint' | 'allowOther'>

/** @throws HeadstartError E_FUSE */
export async function serveIndex(
  index: TreeIndex,
  place: Place,
  log: AccessLog | undefined,
): Promise<KernelServer> {
  const device = await mountDevice(place)
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

/** @throws HeadstartError E_FUSE */
export async function serveFetched(tree: FileSystem, place: Place): Promise<KernelServer> {
  const device = await mountDevice(place)
  void answerAll(device, tree)
  return {
    flush() {}, // what happens is known at once
    forget(nodes) {
      for (const node of nodes) send(device, invalidation(node))
    },
  }
}

const readDevice = promisify(read)

/** Until the mount is gone. Content that is waited for holds nothing else up. */
async function answerAll(device: number, tree: FileSystem): Promise<void> {
  const answer = createAnswerer(tree)
  const buffer = Buffer.alloc(REQUEST_BYTES)
  for (;;) {
    const length = await readDevice(device, buffer, 0, buffer.length, null).then(
      ({ bytesRead }) => bytesRead,
      noRequest,
    )
    if (length === undefined) return
    if (length === 0) continue
    const request = buffer.subarray(0, length)
    if (isRead(request)) void answerRead(tree, Buffer.from(request)).then((reply) => send(device, reply))
    else {
      const reply = answer(request)
      if (reply) send(device, reply)
    }
  }
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
