/**
 * The arguments of a command that runs in the background: in its environment, which nobody but its own user can read. Anybody can read a command line, and
 * there may be a container's secrets in it.
 */
import { z } from 'zod'

const VARIABLE = 'HEADSTART_KEPT_ARGUMENTS'

/** Hidden: the process is the one in the background. */
export const KEPT_FLAG = '--kept'

export interface KeptCall {
  /** what everybody may see */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** @param command its name, among the arguments that were typed */
export function keptCall(command: string, typed: readonly string[]): KeptCall {
  const at = typed.indexOf(command) + 1
  const all = [...typed.slice(0, at), KEPT_FLAG, ...typed.slice(at)]
  return { args: [command, KEPT_FLAG], env: { [VARIABLE]: JSON.stringify(all) } }
}

/** Of this process, whichever it is. */
export function argumentsOf(typed: readonly string[]): readonly string[] {
  const kept = process.env[VARIABLE]
  if (kept === undefined || typed[1] !== KEPT_FLAG) return typed
  delete process.env[VARIABLE] // no business of what we start
  return z.array(z.string()).parse(JSON.parse(kept))
}
