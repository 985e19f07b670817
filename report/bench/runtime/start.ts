/** Starts a sample's container with the settings that all samples share, and waits until it is ready. */

import { epochMs, epochOf } from '../../../system/clock.ts'
import { readyOn } from '../../../tracer/container/readiness/ready-on.ts'
import { startContainer } from '../../../tracer/container/start.ts'
import type { Engine } from '../../../tracer/container/types.ts'
import type { Cycle } from './types.ts'

export interface StartedContainer extends AsyncDisposable {
  /** ms since 1970 */
  readonly startedAt: number
  readonly readyAt: number
}

export interface StartChoices {
  /** called right before the container starts */
  readonly beforeStart?: () => Promise<void>
  /** rejects when the mount or daemon that the container lives by ends before its time */
  readonly died?: Promise<never>
}

/** @param root writable; ignored by an engine that starts images it pulled */
export async function startUntilReady(
  cycle: Cycle,
  engine: Engine,
  root: string,
  { beforeStart, died }: StartChoices = {},
): Promise<StartedContainer> {
  const { start, workspace, signal } = cycle
  await using stack = new AsyncDisposableStack()
  const started = stack.use(
    await startContainer({
      engine,
      workspace,
      root,
      config: cycle.image.config.process,
      command: start.command,
      run: start.run,
      ready: start.ready,
      ...(start.timeoutMs !== undefined && { timeoutMs: start.timeoutMs }),
      ...(beforeStart && { beforeStart }),
      ...(signal && { abort: signal }),
    }),
  )
  const { ready } = await (died ? readyOn(started, died) : started.untilReady())
  const readyAt = ready.at === undefined ? epochMs() : epochOf(ready.at)
  const owned = stack.move()
  return {
    startedAt: epochOf(started.startedAt.monotonic),
    readyAt,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
