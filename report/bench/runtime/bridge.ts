/** A network bridge without connections, for the Docker engine that is started for a sample. */
import { runCommand, tryCommand } from '../../../system/process/command.ts'

/** Link-local, so that it does not conflict with an address in use. */
const ADDRESS = '169.254.213.1/30'

/** Derived from the workspace, so that what a killed run left can be found. An interface's name has at most 15 characters. */
const bridgeName = (workspaceId: string): string => `hs${workspaceId.slice(-8)}`

/** @throws HeadstartError E_COMMAND */
export async function addBridge(workspaceId: string): Promise<{ readonly name: string } & AsyncDisposable> {
  const name = bridgeName(workspaceId)
  await runCommand('ip', ['link', 'add', name, 'type', 'bridge'])
  await using stack = new AsyncDisposableStack()
  stack.defer(() => removeBridge(workspaceId))
  await runCommand('ip', ['address', 'add', ADDRESS, 'dev', name])
  await runCommand('ip', ['link', 'set', name, 'up'])
  const owned = stack.move()
  return { name, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Does nothing if it does not exist. */
export async function removeBridge(workspaceId: string): Promise<void> {
  await tryCommand('ip', ['link', 'delete', bridgeName(workspaceId)]).catch(() => {})
}
