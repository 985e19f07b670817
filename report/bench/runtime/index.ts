/** The runtimes there are. */
import type { ArmKind } from '../file.ts'
import { builtinRuntime } from './builtin.ts'
import { containerdRuntime } from './containerd.ts'
import { dockerRuntime } from './docker.ts'
import type { OpenRuntime, RunSetting, Runtime, RuntimeName } from './types.ts'

export const runtimes = {
  builtin: builtinRuntime,
  docker: dockerRuntime,
  containerd: containerdRuntime,
} satisfies Record<RuntimeName, Runtime>

/** The runtime of an arm: the one asked for where it can do that, else the built-in one. */
const runtimeOf = (name: RuntimeName, kind: ArmKind): Runtime => {
  const wanted: Runtime = runtimes[name]
  return wanted.arms.includes(kind) ? wanted : builtinRuntime
}

/**
 * Opens those that the arms need, each once.
 * @param stack disposes them
 * @throws HeadstartError E_RUNTIME, E_OPTION
 */
export async function openRuntimes(
  name: RuntimeName,
  kinds: readonly ArmKind[],
  setting: RunSetting,
  stack: AsyncDisposableStack,
): Promise<ReadonlyMap<ArmKind, OpenRuntime>> {
  const opened = new Map<Runtime, OpenRuntime>()
  const byKind = new Map<ArmKind, OpenRuntime>()
  for (const kind of kinds) {
    const runtime = runtimeOf(name, kind)
    const open = opened.get(runtime) ?? stack.use(await runtime.open(setting))
    opened.set(runtime, open)
    byKind.set(kind, open)
  }
  return byKind
}
