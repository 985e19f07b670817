/**
 * Pushes on their way to the queue: accepted at once, since registries don't wait long, and looked at a few at a time: what a tag doesn't name
 * yet, or no longer, is waited for. What is lost with the process is found by the next poll.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, messageOf } from '../../system/errors.ts'
import type { Pushed } from './notifications.ts'

export interface IntakeOptions {
  /** looks at what was pushed, and adds what is to be done */
  readonly look: (pushed: Pushed) => Promise<void>
  readonly onLine: (line: string) => void
  readonly signal: AbortSignal
}

export interface Intake {
  /** @returns false: there are too many already */
  accept(pushed: readonly Pushed[]): boolean
  /** Resolves when all that was accepted has been dealt with, or the signal has aborted. */
  settled(): Promise<void>
}

const MAX_PENDING = 10_000
const RETRY_MS = 2000
/** Looked at at the same time. */
const AT_ONCE = 8

export function startIntake({ look, onLine, signal }: IntakeOptions): Intake {
  // Of a tag that was pushed several times, the last one counts.
  const pending = new Map<string, Pushed>()
  const lanes = new Set<Promise<void>>()
  const lookUntilQueued = async (pushed: Pushed) => {
    for (;;)
      try {
        await look(pushed)
        return
      } catch (error) {
        // The queue's connection tells of its cuts itself.
        if (codeOf(error) !== 'E_QUEUE') throw error
        await sleep(RETRY_MS, undefined, { signal })
      }
  }
  const work = async () => {
    for (;;) {
      const [next] = pending
      if (!next || signal.aborted) return
      const [key, pushed] = next
      pending.delete(key)
      try {
        await lookUntilQueued(pushed)
      } catch (error) {
        if (signal.aborted) return
        onLine(
          `${pushed.repository}:${pushed.tag}, which was pushed, can't be looked at: ${messageOf(error)}`,
        )
      }
    }
  }
  return {
    accept(all) {
      if (pending.size + all.length > MAX_PENDING) return false
      for (const pushed of all) {
        const key = `${pushed.host ?? ''}/${pushed.repository}:${pushed.tag}`
        pending.delete(key)
        pending.set(key, pushed)
      }
      for (let count = Math.min(AT_ONCE - lanes.size, pending.size); count > 0; count -= 1) {
        const lane = work().finally(() => lanes.delete(lane))
        lanes.add(lane)
      }
      return true
    },
    async settled() {
      await Promise.all(lanes)
    },
  }
}
