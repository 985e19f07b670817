/** What a runtime needs, and which of the container's options it can honour: a start with others would be another start. */
import { runCommand } from '../../../system/command.ts'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import type { RunOptions } from '../../../tracer/container/run-options.ts'

/** @throws HeadstartError E_OPTION */
export function refuseOptions(run: RunOptions, runtime: string, able: readonly (keyof RunOptions)[]): void {
  const isSet = (value: unknown) =>
    value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)
  const refused = Object.entries(run).find(
    ([name, value]) =>
      isSet(value) && !able.some((one) => one === name) && !(name === 'network' && value === 'host'),
  )
  if (refused)
    throw new HeadstartError('E_OPTION', `the runtime ${runtime} can't be given ${refused[0]}`, {
      hint: 'Measure with --runtime builtin',
    })
}

/** Variables are handed on in a file of a line each. @throws HeadstartError E_OPTION */
export function refuseLines({ env = [] }: RunOptions): void {
  if (env.some((entry) => entry.includes('\n')))
    throw new HeadstartError('E_OPTION', "a value of several lines can't be given with -e to this runtime", {
      hint: 'Measure with --runtime builtin',
    })
}

/** Without the runtime that was asked for, there is always this one. */
export const unusable = (
  runtime: string,
  reason: string,
  hint = 'Measure with --runtime builtin',
): HeadstartError =>
  new HeadstartError('E_RUNTIME', `the runtime ${runtime} can't be used: ${reason}`, { hint })

/** @throws HeadstartError E_RUNTIME: one is missing */
export async function ensurePrograms(runtime: string, programs: readonly string[]): Promise<void> {
  for (const program of programs) {
    const fault = await programFault(program)
    if (fault !== undefined) throw unusable(runtime, fault)
  }
}

/** Why a program can't be run, in words. */
export const programFault = (program: string): Promise<string | undefined> =>
  runCommand(program, ['--version']).then(() => undefined, messageOf)
