/** Parses the options of `docker run`. Pure. */
import { parseMount, parseTmpfs, parseVolume } from './binds.ts'
import { parseDevice, parseGpus, parseNamespace, parseSecurity, parseUlimit } from './limits.ts'
import { parsePublish } from './ports.ts'
import type { RunOptions } from './run-options.ts'
import { absolute, assignments, parseBytes, positive, wrong } from './values.ts'

/** The options' values as written on a command line. */
export interface RunFlags {
  readonly env?: readonly string[]
  /** contents of the files */
  readonly envFiles?: readonly string[]
  readonly user?: string
  readonly workdir?: string
  readonly entrypoint?: string
  readonly volume?: readonly string[]
  readonly mount?: readonly string[]
  readonly tmpfs?: readonly string[]
  readonly publish?: readonly string[]
  readonly publishAll?: boolean
  readonly network?: string
  readonly addHost?: readonly string[]
  readonly dns?: readonly string[]
  readonly gpus?: string
  readonly capAdd?: readonly string[]
  readonly capDrop?: readonly string[]
  readonly privileged?: boolean
  readonly shmSize?: string
  readonly memory?: string
  readonly interactive?: boolean
  readonly tty?: boolean
  readonly name?: string | undefined
  readonly hostname?: string
  readonly label?: readonly string[]
  readonly init?: boolean
  readonly readOnly?: boolean
  /** the content of a seccomp profile in place of its name */
  readonly securityOpt?: readonly string[]
  readonly ulimit?: readonly string[]
  readonly cpus?: string
  readonly pidsLimit?: string
  readonly groupAdd?: readonly string[]
  readonly pid?: string
  readonly ipc?: string
  readonly device?: readonly string[]
  readonly sysctl?: readonly string[]
  readonly stopSignal?: string
}

/** The context in which a command line is interpreted. */
export interface RunSurroundings {
  /** `-e NAME` takes its value from here */
  readonly env: Readonly<Record<string, string | undefined>>
  /** what relative paths of binds are relative to */
  readonly folder: string
}

/** @throws HeadstartError E_OPTION naming the option, the value and the expected form */
export function parseRunOptions(flags: RunFlags, around: RunSurroundings): RunOptions {
  const lines = (flags.envFiles ?? []).flatMap(envFileLines)
  const env = [...lines, ...(flags.env ?? [])].flatMap((entry) => withValue(entry, around.env))
  const binds = [
    ...(flags.volume ?? []).map((text) => parseVolume(text, around.folder)),
    ...(flags.mount ?? []).map((text) => parseMount(text, around.folder)),
    ...(flags.tmpfs ?? []).map(parseTmpfs),
  ]
  return {
    ...(env.length > 0 && { env }),
    ...(binds.length > 0 && { binds }),
    ...processPart(flags),
    ...networkPart(flags),
    ...limitsPart(flags),
    ...namesPart(flags),
  }
}

function processPart({ user, workdir, entrypoint, groupAdd, stopSignal, ...flags }: RunFlags): RunOptions {
  return {
    ...(user !== undefined && { user }),
    ...(groupAdd && { groups: groupAdd }),
    ...(workdir !== undefined && { workingDir: absolute('-w', workdir) }),
    ...(entrypoint !== undefined && { entrypoint: entrypoint === '' ? [] : [entrypoint] }),
    ...(stopSignal !== undefined && { stopSignal }),
    ...(flags.init && { init: true }),
    ...(flags.readOnly && { readOnly: true }),
    ...(flags.interactive && { interactive: true }),
    ...(flags.tty && { tty: true }),
  }
}

const networkPart = ({ publish, publishAll, network, addHost, dns }: RunFlags): RunOptions => ({
  ...(publishAll && { publishAll: true }),
  ...(publish && { publish: publish.flatMap(parsePublish) }),
  ...(network !== undefined && { network }),
  ...(addHost && { addHosts: addHost.map(parseHost) }),
  ...(dns && { dns }),
})

function limitsPart({
  gpus,
  capAdd,
  capDrop,
  shmSize,
  memory,
  cpus,
  pidsLimit,
  ...flags
}: RunFlags): RunOptions {
  return {
    ...(gpus !== undefined && { gpus: parseGpus(gpus) }),
    ...(capAdd && { capAdd }),
    ...(capDrop && { capDrop }),
    ...(shmSize !== undefined && { shmBytes: parseBytes('--shm-size', shmSize) }),
    ...(memory !== undefined && { memoryBytes: parseBytes('-m', memory) }),
    ...(cpus !== undefined && { cpus: positive('--cpus', cpus) }),
    ...(pidsLimit !== undefined && { pids: Math.floor(positive('--pids-limit', pidsLimit)) }),
    ...(flags.ulimit && { ulimits: flags.ulimit.map(parseUlimit) }),
    ...(flags.device && { devices: flags.device.map(parseDevice) }),
    ...(flags.sysctl && { sysctls: assignments('--sysctl', flags.sysctl, false) }),
    ...(flags.securityOpt && { security: flags.securityOpt.map(parseSecurity) }),
    ...(flags.pid !== undefined && { pid: parseNamespace('--pid', flags.pid) }),
    ...(flags.ipc !== undefined && { ipc: parseNamespace('--ipc', flags.ipc) }),
    ...(flags.privileged && { privileged: true }),
  }
}

const namesPart = ({ name, hostname, label }: RunFlags): RunOptions => ({
  ...(name !== undefined && { name: checkName(name) }),
  ...(hostname !== undefined && { hostname: checkHostname(hostname) }),
  ...(label && { labels: assignments('--label', label, true) }),
})

/** As the engine has them. */
function checkName(name: string): string {
  if (/^\/?[a-zA-Z0-9][\w.-]+$/.test(name)) return name
  throw wrong('--name', name, 'Use letters, digits, _ . and -, at least two of them')
}

function checkHostname(name: string): string {
  if (/^[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$/.test(name)) return name
  throw wrong('--hostname', name, 'Use up to 63 letters, digits, . and -')
}

/** A file of `docker run --env-file`: NAME=VALUE or NAME a line, `#` in front of a comment. */
function envFileLines(text: string): string[] {
  return text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

/** `NAME` alone takes the value from the caller's environment, and is dropped if it has none. */
function withValue(entry: string, env: RunSurroundings['env']): string[] {
  const name = entry.split('=')[0] ?? ''
  // Only the name: the value may be a secret.
  if (!/^[^\s=]+$/.test(name)) throw wrong('-e', name, 'Write NAME=VALUE, or NAME to pass on your own')
  if (entry.includes('=')) return [entry]
  const value = env[name]
  return value === undefined ? [] : [`${name}=${value}`]
}

function parseHost(text: string): string {
  const match = /^([^:=\s]+)[:=](\S+)$/.exec(text)
  if (!match) throw wrong('--add-host', text, 'Write NAME:IP')
  return `${match[1]}:${match[2]}`
}
