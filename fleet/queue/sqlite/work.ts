/** Takes jobs from the state file until it is told to stop; then running ones end, or go back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { lineOf, MOST_LINES } from '../told.ts'
import type { WorkOptions } from '../types.ts'
import type { Store } from './add.ts'
import { type Claim, claim, ourMark, takeOver } from './claim.ts'
import { conclude, type Ended } from './conclude.ts'

/** How often other processes' jobs, and jobs that are due by now, are looked for. */
const POLL_MS = 200
/** How often jobs of processes that are gone are looked for. */
const TAKE_OVER_MS = 2000
/** How often the log of a running job is written down. */
const LOG_MS = 1000

/** Wakes what waits for this process to change the queue. */
export interface ChangeBell {
  /** the next change */
  readonly next: () => Promise<void>
  readonly ring: () => void
}

export async function workOn(store: Store, options: WorkOptions, changes: ChangeBell): Promise<void> {
  const { signal, slots, graceMs = 0 } = options
  const stop = new AbortController()
  const running = new Set<Promise<void>>()
  const owner = await ourMark()
  let tookOver = Number.NEGATIVE_INFINITY
  try {
    while (!signal.aborted) {
      if (performance.now() - tookOver > TAKE_OVER_MS) {
        await takeOver(store)
        tookOver = performance.now()
      }
      const taken = running.size < slots && !signal.aborted ? claim(store, owner, options) : undefined
      if (taken) {
        const attempt = perform(store, taken, options, stop.signal).finally(() => {
          running.delete(attempt)
          changes.ring()
        })
        running.add(attempt)
      } else await Promise.race([changes.next(), pause(signal)])
    }
  } finally {
    const patience = setTimeout(() => stop.abort(), graceMs)
    await Promise.all(running)
    clearTimeout(patience)
  }
}

const pause = (signal: AbortSignal): Promise<void> =>
  sleep(POLL_MS, undefined, { signal }).catch(() => undefined)

async function perform(
  store: Store,
  taken: Claim,
  { perform }: WorkOptions,
  stop: AbortSignal,
): Promise<void> {
  const lines = [...taken.log]
  let isNew = false
  const log = (line: string) => {
    lines.push(lineOf(line))
    if (lines.length > MOST_LINES) lines.shift()
    isNew = true
  }
  const writing = setInterval(() => {
    if (isNew) writeLog(store, taken, lines)
    isNew = false
  }, LOG_MS)
  let ended: Ended
  try {
    ended = {
      outcome: await perform(taken.job, {
        attempt: taken.attempt,
        attempts: store.settings.attempts,
        signal: stop,
        log,
      }),
    }
  } catch (error) {
    ended = { error, isStopped: stop.aborted }
  } finally {
    clearInterval(writing)
  }
  conclude(store, taken, ended, lines)
}

/** For those who look at a job while it runs. */
const writeLog = ({ database }: Store, { id, token }: Claim, lines: readonly string[]): void =>
  database.run('UPDATE jobs SET log = ? WHERE id = ? AND claim = ?', lines.join('\n'), id, token)
