/** Starts the containers of a measurement with the settings that all of them share, and waits until they are ready. */

import { epochMs, epochOf } from '../../../system/clock.ts'
import { readyOn } from '../../../tracer/container/readiness/ready-on.ts'
import { startContainer } from '../../../tracer/container/start.ts'
import type { Starter, StartSettings } from './types.ts'

export const createStarter = (settings: StartSettings): Starter => ({
  settings,
  async start({ workspace, image, signal }, engine, root, { beforeStart, ground } = {}) {
    const { command, run, ready: check, timeoutMs } = settings
    await using stack = new AsyncDisposableStack()
    const started = stack.use(
      await startContainer({
        engine,
        workspace,
        root,
        config: image.config.process,
        command,
        run,
        ready: check,
        ...(timeoutMs !== undefined && { timeoutMs }),
        ...(beforeStart && { beforeStart }),
        ...(signal && { abort: signal }),
      }),
    )
    const { ready } = await (ground ? readyOn(started, ground) : started.untilReady())
    const readyAt = ready.at === undefined ? epochMs() : epochOf(ready.at)
    const owned = stack.move()
    return {
      startedAt: epochOf(started.startedAt.monotonic),
      readyAt,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  },
})
