/** The command as a person typed it, for a report that others read: values of environment variables and passwords are left out. Pure. */
import { withoutSecrets } from '../../system/text/secrets.ts'

export function commandLine(args: readonly string[]): string {
  const shown = withoutSecrets(args).map((arg, index) => quote(withoutValue(arg, args[index - 1])))
  return ['headstart', ...shown].join(' ')
}

const ENV = /^(-e|--env)$/

function withoutValue(arg: string, before: string | undefined): string {
  if (before !== undefined && ENV.test(before)) return arg.replace(/=.*/s, '')
  if (/^--env=/.test(arg)) return arg.replace(/^(--env=[^=]*)=.*/s, '$1')
  if (/^-e./.test(arg)) return arg.replace(/=.*/s, '')
  // A readiness command may contain a password.
  if (before === '--ready-exec') return '***'
  return arg.replace(/^(--ready-exec=).*/s, '$1***')
}

const quote = (arg: string): string =>
  /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`
