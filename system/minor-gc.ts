/**
 * Frees dead buffers in time. Their bytes lie outside the heap, where V8 lets 64 MiB a thread pile up before it looks; a collection of the
 * young generation, where they die, takes a millisecond.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** A young generation that has grown takes tens of MiB, and is looked through less often. Before the work begins: it doesn't shrink. */
export const keepYoungSmall = (): void => setFlagsFromString('--semi-space-growth-factor=1')

let found: unknown

/** V8's own function: a context that is made after the flag was set has it. One a thread. */
function collector(): unknown {
  if (found !== undefined) return found
  keepYoungSmall()
  setFlagsFromString('--expose-gc')
  found = runInNewContext('gc')
  return found
}

/** @returns to be told of every buffer that was used up; collects after `everyBytes` of them */
export function createCollector(everyBytes: number): (bytes: number) => void {
  const collect = collector()
  let dead = 0
  return (bytes) => {
    dead += bytes
    if (dead < everyBytes || typeof collect !== 'function') return
    dead = 0
    collect({ type: 'minor' })
  }
}
