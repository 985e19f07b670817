/**
 * Carries accesses from the threads that serve to the one that records: a ring buffer in shared memory for each thread, so that serving
 * does not wait.
 */

/** type, node, other node or length, time (ms), offset */
const FIELDS = 5
const CAPACITY = 1 << 16
const FULL_WAIT_MS = 1

export const EVENT = { found: 1, missing: 2, listing: 3, opened: 4, read: 5 } as const

export interface AccessEvent {
  readonly type: number
  readonly node: number
  /** found: the parent; read: bytes */
  readonly extra: number
  /** monotonic milliseconds */
  readonly at: number
  /** read: in the file */
  readonly offset: number
}

export interface Ring {
  /** [written, read]: counts that wrap at 2^32 */
  readonly counts: Int32Array<SharedArrayBuffer>
  readonly fields: Float64Array<SharedArrayBuffer>
}

export const createRing = (): Ring => ({
  counts: new Int32Array(new SharedArrayBuffer(8)),
  fields: new Float64Array(new SharedArrayBuffer(CAPACITY * FIELDS * 8)),
})

/** For the one writing thread. Waits while the ring is full, so that nothing is lost. */
export function push({ counts, fields }: Ring, event: AccessEvent): void {
  const written = Atomics.load(counts, 0)
  while (((written - Atomics.load(counts, 1)) | 0) >= CAPACITY) {
    Atomics.wait(counts, 1, Atomics.load(counts, 1), FULL_WAIT_MS)
  }
  const at = (written & (CAPACITY - 1)) * FIELDS
  fields[at] = event.type
  fields[at + 1] = event.node
  fields[at + 2] = event.extra
  fields[at + 3] = event.at
  fields[at + 4] = event.offset
  Atomics.store(counts, 0, (written + 1) | 0)
}

/** For the one reading thread: what has arrived so far, in order. */
export function drain({ counts, fields }: Ring): AccessEvent[] {
  const events: AccessEvent[] = []
  const written = Atomics.load(counts, 0)
  let read = Atomics.load(counts, 1)
  for (; read !== written; read = (read + 1) | 0) {
    const at = (read & (CAPACITY - 1)) * FIELDS
    const [type = 0, node = 0, extra = 0, time = 0, offset = 0] = fields.subarray(at, at + FIELDS)
    events.push({ type, node, extra, at: time, offset })
  }
  Atomics.store(counts, 1, read)
  return events
}
