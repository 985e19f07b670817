/** Which programs a runtime needs, and which of the container's options it supports: ignoring one would measure a different start. */

import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { runCommand } from '../../../system/process/command.ts'
import type { RunOptions } from '../../../tracer/container/options/run-options.ts'

/** @throws HeadstartError E_OPTION */
export function refuseOptions(
  run: RunOptions,
  runtime: string,
  supported: readonly (keyof RunOptions)[],
): void {
  const isSet = (value: unknown) =>
    value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)
  const refused = Object.entries(run).find(
    ([name, value]) =>
      isSet(value) && !supported.some((one) => one === name) && !(name === 'network' && value === 'host'),
  )
  if (refused)
    throw new HeadstartError('E_OPTION', `the ${runtime} runtime does not support the option ${refused[0]}`, {
      hint: 'Measure with --runtime builtin',
    })
}

/** Variables are passed in a file, a line each. @throws HeadstartError E_OPTION */
export function refuseLines({ env = [] }: RunOptions): void {
  if (env.some((entry) => entry.includes('\n')))
    throw new HeadstartError('E_OPTION', 'this runtime does not support -e with a multi-line value', {
      hint: 'Measure with --runtime builtin',
    })
}

/** The hint: the built-in runtime always works. */
export const unusable = (
  runtime: string,
  reason: string,
  hint = 'Measure with --runtime builtin',
): HeadstartError =>
  new HeadstartError('E_RUNTIME', `the ${runtime} runtime can't be used: ${reason}`, { hint })

/** @throws HeadstartError E_RUNTIME: a program is missing */
export async function ensurePrograms(runtime: string, programs: readonly string[]): Promise<void> {
  for (const program of programs) {
    const fault = await programFault(program)
    if (fault !== undefined) throw unusable(runtime, fault)
  }
}

/** Why a program can't be run; undefined: it can. */
export const programFault = (program: string): Promise<string | undefined> =>
  runCommand(program, ['--version']).then(() => undefined, messageOf)
