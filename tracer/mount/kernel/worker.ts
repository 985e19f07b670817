/** A serving thread: reads requests from the device and answers them until the mount is gone. */
import { readSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { monotonicMs } from '../../../system/clock.ts'
import type { NodeId } from '../file-system.ts'
import { createDirectoryFileSystem, type SyncFileSystem } from '../tree/directory.ts'
import type { TreeIndex } from '../tree/tree-index.ts'
import { createAnswerer } from './answer.ts'
import { REQUEST_BYTES } from './codec.ts'
import { createRing, EVENT, push, type Ring } from './events.ts'
import { rehearse } from './rehearse.ts'
import { noRequest, send } from './send.ts'

export interface WorkerInput {
  readonly device: number
  readonly index: TreeIndex
  /** undefined: nothing is recorded */
  readonly ring: Ring | undefined
}

/** The tree, with every access written to the ring. */
function recorded(tree: SyncFileSystem, ring: Ring): SyncFileSystem {
  const tell = (type: number, node: NodeId, extra = 0, offset = 0) =>
    push(ring, { type, node, extra, at: monotonicMs(), offset })
  return {
    ...tree,
    lookup(parent, name) {
      const node = tree.lookup(parent, name)
      if (node === undefined) tell(EVENT.missing, parent)
      else tell(EVENT.found, node, parent)
      return node
    },
    entries(node) {
      tell(EVENT.listing, node)
      return tree.entries(node)
    },
    readlink(node) {
      tell(EVENT.opened, node)
      return tree.readlink(node)
    },
    open: (node) => tell(EVENT.opened, node),
    readInto(node, offset, target) {
      const bytes = tree.readInto(node, offset, target)
      tell(EVENT.read, node, bytes, offset)
      return bytes
    },
  }
}

function serve({ device, index, ring }: WorkerInput): void {
  const tree = createDirectoryFileSystem(index)
  rehearse(createAnswerer(ring ? recorded(tree, createRing()) : tree), index)
  const answer = createAnswerer(ring ? recorded(tree, ring) : tree)
  const buffer = Buffer.alloc(REQUEST_BYTES)
  for (;;) {
    const length = readRequest(device, buffer)
    if (length === undefined) return
    const reply = length > 0 ? answer(buffer.subarray(0, length)) : undefined
    if (reply) send(device, reply)
  }
}

/** @returns 0: nothing arrived, try again; undefined: the mount is gone */
function readRequest(device: number, buffer: Buffer): number | undefined {
  try {
    return readSync(device, buffer, 0, buffer.length, null)
  } catch (error) {
    return noRequest(error)
  }
}

const input: WorkerInput = workerData
serve(input)
