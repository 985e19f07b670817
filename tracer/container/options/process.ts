/** Which process a container starts: the image's config, overridden as `docker run` does. Pure. */

import type { ProcessConfig } from '../../../image/types.ts'
import { HeadstartError } from '../../../system/errors.ts'
import type { RunOptions } from './run-options.ts'

export interface ProcessPlan {
  readonly args: readonly string[]
  /** NAME=VALUE, each name once */
  readonly env: readonly string[]
  readonly cwd: string
  /** `user[:group]`, names or numbers, as in an image's config; '' is root */
  readonly user: string
  /** what asks it to end; the engine's own without */
  readonly stopSignal?: string
}

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * @param command replaces the image's `Cmd`, unless empty
 * @throws HeadstartError E_NO_COMMAND: neither the image nor the caller gives a command
 */
export function planProcess(
  config: ProcessConfig,
  options: RunOptions,
  command: readonly string[],
): ProcessPlan {
  const entrypoint = options.entrypoint ?? config.entrypoint
  // As in Docker: overriding the entrypoint also drops the image's Cmd.
  const stopSignal = options.stopSignal ?? config.stopSignal
  const args = command.length > 0 ? command : options.entrypoint ? [] : config.cmd
  if (entrypoint.length + args.length === 0)
    throw new HeadstartError('E_NO_COMMAND', 'the image has no command to start', {
      hint: 'Give one after --: IMAGE -- COMMAND',
    })
  return {
    args: [...entrypoint, ...args],
    env: mergeEnv([DEFAULT_PATH], config.env, options.env ?? []),
    cwd: options.workingDir ?? (config.workingDir || '/'),
    user: options.user ?? config.user,
    ...(stopSignal !== undefined && { stopSignal }),
  }
}

/** Later lists win; a name without `=` is dropped. */
export function mergeEnv(...lists: readonly (readonly string[])[]): string[] {
  const merged = new Map<string, string>()
  for (const entry of lists.flat()) {
    const at = entry.indexOf('=')
    if (at > 0) merged.set(entry.slice(0, at), entry)
  }
  return [...merged.values()]
}
