/** The last lines of a job's output, sent to Redis a few times a minute, so that a talkative job doesn't keep it busy. */
import { lineOf, MOST_LINES } from '../told.ts'
import type { Stored } from './records.ts'

const EVERY_MS = 1000

export interface JobLog extends AsyncDisposable {
  write(line: string): void
}

/** Lines that can't be sent are lost: a job doesn't fail of it. */
export function jobLog(stored: Stored): JobLog {
  let pending: string[] = []
  let sending = Promise.resolve()
  const flush = () => {
    const lines = pending
    pending = []
    sending = sending.then(async () => {
      for (const line of lines) await stored.log(line)
    })
    sending = sending.catch(() => {})
  }
  const timer = setInterval(() => {
    if (pending.length > 0) flush()
  }, EVERY_MS)
  timer.unref()
  return {
    write(line) {
      pending.push(lineOf(line))
      if (pending.length > MOST_LINES) pending.shift()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      flush()
      await sending
    },
  }
}
