/** The names of profiles that are attached to images: one for each workload. */
import { HeadstartError } from '../../system/errors.ts'

/** Of a trace that nobody gave a name. */
export const DEFAULT_NAME = 'start'

export const isName = (name: string): boolean => /^[A-Za-z0-9][\w.-]{0,63}$/.test(name)

/** @throws HeadstartError E_OPTION */
export function checkName(name: string): string {
  if (isName(name)) return name
  throw new HeadstartError('E_OPTION', `${JSON.stringify(name.slice(0, 100))} is not a valid profile name`, {
    hint: 'Use up to 64 letters, digits, . _ and -, starting with a letter or digit',
  })
}
