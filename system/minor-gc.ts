/**
 * Frees dead buffers in time. Their bytes are outside the heap, where V8 lets 64 MiB per thread accumulate before it collects; a collection of
 * the young generation, where they die, takes a millisecond.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** A young generation that has grown takes tens of MiB and is collected less often. Call it before the work begins: it doesn't shrink. */
export const keepYoungSmall = (): void => setFlagsFromString('--semi-space-growth-factor=1')

let found: unknown

/** V8's own function, which contexts created after the flag is set have. One per thread. */
function collector(): unknown {
  if (found !== undefined) return found
  keepYoungSmall()
  setFlagsFromString('--expose-gc')
  found = runInNewContext('gc')
  return found
}

/** @returns a function to call with the size of each buffer that is no longer used; collects after `everyBytes` in total */
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
