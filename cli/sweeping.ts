/**
 * What killed commands left, removed by the next one that makes a workspace. Nothing is loaded for it where nothing is left; what is left in an
 * engine alone waits for a command that asks the engine anyway: looking for it takes as long as half a start.
 */
import { staleWorkspaces } from '../system/workspace.ts'

export async function sweepFirst(): Promise<void> {
  if ((await staleWorkspaces()).length === 0) return
  const [{ sweep }, { sweepers }] = await Promise.all([
    import('../tracer/cleanup.ts'),
    import('../report/bench/runtime/sweepers.ts'),
  ])
  await sweep(sweepers)
}
