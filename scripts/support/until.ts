/** Waits for what happens, however slow the machine is. The limit only catches what never happens. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Nothing that happens at all takes this long, whatever else the machine is doing. */
export const HANG_MS = 300_000
const POLL_MS = 20

/** @param what is waited for, for the error */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + HANG_MS
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`this never happened: ${what}`)
    await sleep(POLL_MS)
  }
}
