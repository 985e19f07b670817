/** Which of the container's options a runtime can honour: a start with others would be another start. */
import { HeadstartError } from '../../../image/errors.ts'
import type { RunOptions } from '../../../tracer/engine/run-options.ts'

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
