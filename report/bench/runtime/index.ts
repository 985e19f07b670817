/** The runtimes there are. */
import { HeadstartError } from '../../../image/errors.ts'
import type { ArmKind } from '../file.ts'
import { builtinRuntime } from './builtin.ts'
import { containerdRuntime } from './containerd.ts'
import { dockerRuntime } from './docker.ts'
import type { Runtime, RuntimeName, StartSettings } from './types.ts'

export const runtimes = {
  builtin: builtinRuntime,
  docker: dockerRuntime,
  containerd: containerdRuntime,
} satisfies Record<RuntimeName, Runtime>

/**
 * The runtime of an arm: the one asked for where it can do that, else the built-in one.
 * @throws HeadstartError E_RUNTIME: it can't be used on this machine
 */
export async function chooseRuntime(
  name: RuntimeName,
  kind: ArmKind,
  start: StartSettings,
): Promise<Runtime> {
  const wanted: Runtime = runtimes[name]
  const runtime = wanted.arms.includes(kind) ? wanted : builtinRuntime
  const reason = await runtime.unavailable(start)
  if (reason === undefined) return runtime
  throw new HeadstartError('E_RUNTIME', `the runtime ${runtime.name} can't be used: ${reason}`, {
    hint: 'Measure with --runtime builtin',
  })
}
