/** A network bridge that nothing is connected to, for a Docker engine of a sample's own. */
import { runCommand, tryCommand } from '../../../system/command.ts'

/** Link-local, and so never in the way of an address that is in use. */
const ADDRESS = '169.254.213.1/30'

/** Told from its workspace, so that what a killed run left can be found. An interface's name has 15 characters at most. */
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

/** Does nothing where there is none. */
export async function removeBridge(workspaceId: string): Promise<void> {
  await tryCommand('ip', ['link', 'delete', bridgeName(workspaceId)]).catch(() => {})
}
