/** The table of runtimes. */
import type { Workspace } from '../../../system/workspace.ts'
import type { Arm } from '../arms.ts'
import type { ArmKind } from '../file.ts'
import { builtinRuntime } from './builtin.ts'
import { containerdRuntime } from './containerd.ts'
import { dockerRuntime } from './docker.ts'
import { runRuntime } from './run.ts'
import type { OpenRuntime, Runtime, RuntimeName, RuntimeRequest } from './types.ts'

export { sweepers } from './sweepers.ts'

export const runtimes = {
  builtin: builtinRuntime,
  run: runRuntime,
  docker: dockerRuntime,
  containerd: containerdRuntime,
} satisfies Record<RuntimeName, Runtime>

/** The chosen runtime if it supports the arm, else the built-in one. */
const runtimeOf = (name: RuntimeName, kind: ArmKind): Runtime => {
  const chosen: Runtime = runtimes[name]
  return chosen.arms.includes(kind) ? chosen : builtinRuntime
}

export interface OpenRuntimes extends AsyncDisposable {
  readonly all: readonly OpenRuntime[]
  of(arm: Arm): OpenRuntime
}

/**
 * Opens those that the arms need, each once.
 * @throws HeadstartError E_RUNTIME, E_OPTION
 */
export async function openRuntimes(
  arms: readonly Arm[],
  request: RuntimeRequest,
  workspace: Workspace,
): Promise<OpenRuntimes> {
  await using stack = new AsyncDisposableStack()
  const opened = new Map<Runtime, OpenRuntime>()
  const wanted = (arm: Arm) => runtimeOf(request.runtime.name, arm.kind)
  for (const runtime of new Set(arms.map(wanted)))
    opened.set(runtime, stack.use(await runtime.open(request, workspace)))
  const owned = stack.move()
  return {
    all: [...opened.values()],
    of(arm) {
      const runtime = opened.get(wanted(arm))
      if (!runtime) throw new Error(`no runtime was opened for the arm ${arm.id}`)
      return runtime
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
