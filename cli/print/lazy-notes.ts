/** When it is said how a container is read lazily: once it runs, or, where it has the terminal for itself, before it begins. */
import type { LazyPart } from '../../tracer/run/options.ts'
import type { Output } from './output.ts'
import { lazyLines } from './run.ts'

export interface LazyNotes {
  /** The root is there, and nothing has been started on it. */
  opened(lazy: LazyPart | undefined): void
  /** The container has written something, or runs. */
  begun(): void
  /** It runs. Resolves when all is said. */
  running(lazy: LazyPart | undefined): Promise<void>
}

/** @param isShared the container's screen is the one that notes appear on: one that comes later would be in the middle of a prompt, or of an editor */
export function lazyNotes(output: Pick<Output, 'note'>, isShared: boolean): LazyNotes {
  let hasBegun = false
  const say = async ({ layers, prefetch }: LazyPart) => {
    const plan = await prefetch.catch(() => undefined) // the mount may have ended with the container
    if (!(isShared && hasBegun)) output.note(lazyLines(layers, plan))
  }
  return {
    opened(lazy) {
      if (lazy && isShared) void say(lazy)
    },
    begun() {
      hasBegun = true
    },
    async running(lazy) {
      hasBegun = true
      if (lazy && !isShared) await say(lazy)
    },
  }
}
