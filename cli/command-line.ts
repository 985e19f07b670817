/** The command as a person typed it, for a report that others read: values of environment variables and passwords are left out. Pure. */

export function commandLine(args: readonly string[]): string {
  const shown = args.map((arg, index) => quote(withoutSecret(arg, args[index - 1])))
  return ['headstart', ...shown].join(' ')
}

const ENV = /^(-e|--env)$/

function withoutSecret(arg: string, before: string | undefined): string {
  if (before !== undefined && ENV.test(before)) return arg.replace(/=.*/s, '')
  if (/^--env=/.test(arg)) return arg.replace(/^(--env=[^=]*)=.*/s, '$1')
  if (/^-e./.test(arg)) return arg.replace(/=.*/s, '')
  return arg.replace(/(https?:\/\/)[^/@\s]*@/g, '$1')
}

const quote = (arg: string): string =>
  /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`
