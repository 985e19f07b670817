/** Takes jobs from Redis until it is told to stop; then running ones end, or go back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'bullmq'
import { codeOf, messageOf } from '../../../system/errors.ts'
import { MOST_ABANDONED } from '../told.ts'
import type { WorkOptions } from '../types.ts'
import type { Stored } from './records.ts'
import type { Store } from './store.ts'
import { type Taking, take } from './take.ts'

export interface WorkPlace {
  /** whose commands wait for a server that is away */
  readonly store: Store
  readonly prefix: string
  /** ms after which the jobs of a worker that is silent go to others */
  readonly lockMs: number
  readonly onNotice: (line: string) => void
}

/** ms for which a server that is away is waited for when nothing runs any more and we are to stop. */
const LEAVE_MS = 2000
const LOOK_MS = 100
/** How often the kinds' share of the slots is looked at, besides whenever it changes. */
const ADJUST_MS = 1000
/** Codes of a connection that is lost. */
const CUT = /^(ECONN|EPIPE)/
/** s after which a worker that waits for a job asks for one, in case it was not told. */
const ASK_S = 2

export async function workOn(place: WorkPlace, options: WorkOptions): Promise<void> {
  const stop = new AbortController()
  const slots = slotsFor(options.slots)
  const workers = options.kinds.map((kind) =>
    startWorker(place, options.slots, {
      kind,
      store: place.store,
      perform: options.perform,
      enter: slots.take,
      ending: options.signal,
      stop: stop.signal,
      ...(options.rate && { rate: options.rate }),
    }),
  )
  using _ = workers.length > 1 ? sharing(slots, workers, options.signal) : undefined
  await aborted(options.signal)
  for (const worker of workers) await worker.pause(true)
  const grace = setTimeout(() => stop.abort(), options.graceMs ?? 0)
  await slots.free()
  clearTimeout(grace)
  // Jobs whose end a server that is away can't be told are taken over by others, once we have been silent for long enough.
  const isAway = await staysAway(place)
  await Promise.all(workers.map((worker) => worker.close(isAway)))
}

/**
 * BullMQ takes jobs of each kind by itself: while all slots are taken, none does, so that what can't be begun here is left to others. What one took
 * in the same moment goes back.
 */
function sharing(slots: Slots, workers: readonly Worker[], ending: AbortSignal): Disposable {
  const adjust = () => {
    if (ending.aborted) return
    for (const worker of workers) {
      if (slots.areTaken()) void worker.pause(true)
      // A loop that ended just when it was resumed needs it once more.
      else if (worker.isPaused() || !worker.isRunning()) void worker.resume()
    }
  }
  slots.onChange(adjust)
  const timer = setInterval(adjust, ADJUST_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

async function staysAway({ store }: WorkPlace): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < LEAVE_MS; waitedMs += LOOK_MS) {
    if (store.client.status === 'ready') return false
    await sleep(LOOK_MS)
  }
  return true
}

function startWorker(
  { store, prefix, lockMs, onNotice }: WorkPlace,
  concurrency: number,
  taking: Taking,
): Worker<unknown, unknown, string> {
  const mine = new Map<string, AbortController>()
  const process = async (stored: Stored, token = '') => {
    const lost = new AbortController()
    const id = stored.id ?? ''
    mine.set(id, lost)
    try {
      return await take(stored, token, lost.signal, taking)
    } finally {
      mine.delete(id)
    }
  }
  const worker = new Worker<unknown, unknown, string>(taking.kind, process, {
    connection: store.client,
    prefix,
    concurrency,
    drainDelay: ASK_S,
    lockDuration: lockMs,
    stalledInterval: Math.max(lockMs / 4, 500),
    // Once more, and it fails.
    maxStalledCount: MOST_ABANDONED - 1,
    // After a cut, jobs are taken again soon.
    runRetryDelay: 1000,
  })
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids)
      mine.get(id)?.abort(new Error('it was silent for too long, so the job is no longer its own'))
    onNotice(
      `the queue was out of reach for so long that ${ids.length === 1 ? 'a job goes' : `${ids.length} jobs go`} to other workers`,
    )
  })
  let last = ''
  worker.on('error', (error) => {
    const line = messageOf(error)
    // The connection tells of its cuts itself, and of lost jobs we have told.
    const isTold =
      store.client.status !== 'ready' ||
      CUT.test(codeOf(error) ?? '') ||
      /Connection is closed|Socket timeout|\block\b/.test(line)
    if (line === last || isTold) return
    last = line
    onNotice(`the queue: ${line}`)
  })
  return worker
}

interface Slots {
  /** @returns a slot, free again when it is disposed; undefined: all are taken */
  readonly take: () => Disposable | undefined
  areTaken(): boolean
  /** Calls back whenever one was taken or is free again. */
  onChange(act: () => void): void
  /** Resolves when none is taken. */
  free(): Promise<void>
}

function slotsFor(count: number): Slots {
  let taken = 0
  const acts: (() => void)[] = []
  const changed = () => {
    for (const act of acts) act()
  }
  return {
    areTaken: () => taken >= count,
    onChange: (act) => void acts.push(act),
    async free() {
      const { promise, resolve } = Promise.withResolvers<void>()
      acts.push(() => {
        if (taken === 0) resolve()
      })
      if (taken > 0) await promise
    },
    take() {
      if (taken >= count) return undefined
      taken += 1
      changed()
      return {
        [Symbol.dispose]() {
          taken -= 1
          changed()
        },
      }
    },
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
