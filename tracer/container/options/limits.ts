/** What a container may use, and what of the machine it sees: limits, devices, security and namespaces of docker run. Pure. */
import type { Device, NamespaceOption, Ulimit } from './run-options.ts'
import { wrong } from './values.ts'

/** `nofile=1024` or `nofile=1024:2048`; -1 is no limit. */
export function parseUlimit(text: string): Ulimit {
  const [, name = '', soft, hard = soft] = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text) ?? []
  if (soft === undefined || !ULIMITS.has(name))
    throw wrong('--ulimit', text, `Write NAME=SOFT[:HARD], with one of ${[...ULIMITS].join(', ')}`)
  if (Number(hard) !== -1 && (Number(soft) === -1 || Number(soft) > Number(hard)))
    throw wrong('--ulimit', text, 'The soft limit may not be above the hard one')
  return { name, soft: Number(soft), hard: Number(hard) }
}

const ULIMITS: ReadonlySet<string> = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  ),
)

export function parseGpus(text: string): number {
  if (text === 'all') return -1
  if (/^\d+$/.test(text)) return Number(text)
  throw wrong('--gpus', text, 'Write a number, or all')
}

/** `HOST[:CONTAINER[:rwm]]` */
export function parseDevice(text: string): Device {
  const [source = '', second, third] = text.split(':')
  const isAccess = (part: string | undefined) => part !== undefined && /^[rwm]+$/.test(part)
  const target = second === undefined || isAccess(second) ? source : second
  const access = third ?? (isAccess(second) ? second : undefined) ?? 'rwm'
  if (!source.startsWith('/') || !target.startsWith('/') || !isAccess(access) || text.split(':').length > 3)
    throw wrong('--device', text, 'Write HOST[:CONTAINER[:rwm]], e.g. /dev/sdb:/dev/xvdb:r')
  return { source, target, access }
}

/** `host`, or `container:NAME`, or what else the engine knows, such as `private`. */
export function parseNamespace(option: '--pid' | '--ipc', text: string): NamespaceOption {
  const known = option === '--pid' ? ['host'] : ['host', 'none', 'private', 'shareable']
  if (known.includes(text) || /^container:./.test(text)) return text
  throw wrong(option, text, `Write ${known.join(', ')} or container:NAME`)
}

/** @param text as on the command line, with a seccomp profile's content in place of its file's name */
export function parseSecurity(text: string): string {
  if (/^(no-new-privileges|seccomp|apparmor|label|systempaths)(?:[=:].|$)/s.test(text)) return text
  // Not the value: a profile may be long.
  throw wrong(
    '--security-opt',
    text.slice(0, 100),
    'Write no-new-privileges, seccomp=FILE, apparmor=PROFILE or label=…',
  )
}
