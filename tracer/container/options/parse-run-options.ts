/** Parses the options of `docker run`. Pure. */
import { resolve } from 'node:path'
import { HeadstartError } from '../../../system/errors.ts'
import type { Bind, PublishedPort, RunOptions } from './run-options.ts'

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
  readonly network?: string
  readonly addHost?: readonly string[]
  readonly dns?: readonly string[]
  readonly gpus?: string
  readonly capAdd?: readonly string[]
  readonly privileged?: boolean
  readonly shmSize?: string
  readonly memory?: string
  readonly interactive?: boolean
  readonly tty?: boolean
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
  const { user, workdir, entrypoint, network, addHost, dns, gpus, capAdd, shmSize, memory } = flags
  const lines = (flags.envFiles ?? []).flatMap(envFileLines)
  const env = [...lines, ...(flags.env ?? [])].flatMap((entry) => withValue(entry, around.env))
  const binds = [
    ...(flags.volume ?? []).map((text) => parseVolume(text, around.folder)),
    ...(flags.mount ?? []).map((text) => parseMount(text, around.folder)),
    ...(flags.tmpfs ?? []).map(parseTmpfs),
  ]
  return {
    ...(env.length > 0 && { env }),
    ...(user !== undefined && { user }),
    ...(workdir !== undefined && { workingDir: absolute('-w', workdir) }),
    ...(entrypoint !== undefined && { entrypoint: entrypoint === '' ? [] : [entrypoint] }),
    ...(binds.length > 0 && { binds }),
    ...(flags.publish && { publish: flags.publish.flatMap(parsePublish) }),
    ...(network !== undefined && { network }),
    ...(addHost && { addHosts: addHost.map(parseHost) }),
    ...(dns && { dns }),
    ...(gpus !== undefined && { gpus: parseGpus(gpus) }),
    ...(capAdd && { capAdd }),
    ...(shmSize !== undefined && { shmBytes: parseBytes('--shm-size', shmSize) }),
    ...(memory !== undefined && { memoryBytes: parseBytes('-m', memory) }),
    ...(flags.privileged && { privileged: true }),
    ...(flags.interactive && { interactive: true }),
    ...(flags.tty && { tty: true }),
  }
}

const wrong = (option: string, text: string, hint: string): HeadstartError =>
  new HeadstartError('E_OPTION', `${option} ${JSON.stringify(text)} is not valid`, { hint })

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

function absolute(option: string, path: string): string {
  if (!path.startsWith('/')) throw wrong(option, path, 'A path in the container starts with /')
  return path
}

/** `HOST:CONTAINER[:ro]`, `NAME:CONTAINER[:ro]` or `CONTAINER`. */
function parseVolume(text: string, folder: string): Bind {
  const parts = text.split(':')
  const hint = 'Write HOST:CONTAINER[:ro], absolute or starting with ./, or NAME:CONTAINER'
  if (parts.length > 3) throw wrong('-v', text, hint)
  const [source = '', target, mode = ''] = parts
  if (target === undefined)
    return { type: 'volume', source: '', target: absolute('-v', source), readOnly: false }
  const readOnly = mode.split(',').includes('ro')
  if (source === '') throw wrong('-v', text, hint)
  if (!/^[./~]/.test(source)) return { type: 'volume', source, target: absolute('-v', target), readOnly }
  return {
    type: 'bind',
    source: resolve(folder, source),
    target: absolute('-v', target),
    readOnly,
    create: true,
  }
}

/** `type=bind,source=/a,target=/b,readonly`; without type a volume, as in Docker. */
function parseMount(text: string, folder: string): Bind {
  const fields = new Map(
    text.split(',').map((field): [string, string] => {
      const at = field.indexOf('=')
      return at === -1 ? [field, 'true'] : [field.slice(0, at), field.slice(at + 1)]
    }),
  )
  const type = fields.get('type') ?? 'volume'
  const source = fields.get('source') ?? fields.get('src') ?? ''
  const target = fields.get('target') ?? fields.get('destination') ?? fields.get('dst') ?? ''
  if ((type !== 'bind' && type !== 'volume' && type !== 'tmpfs') || (type === 'bind' && source === ''))
    throw wrong('--mount', text, 'Write type=bind|volume|tmpfs,source=…,target=…[,readonly]')
  const readOnly = [fields.get('readonly'), fields.get('ro')].some(
    (value) => value === 'true' || value === '1',
  )
  const size = fields.get('tmpfs-size')
  const mode = fields.get('tmpfs-mode')
  const options = [
    ...(size === undefined ? [] : [`size=${parseBytes('--mount tmpfs-size', size)}`]),
    ...(mode === undefined ? [] : [`mode=${mode}`]),
  ]
  return {
    type,
    source: type === 'bind' ? resolve(folder, source) : source,
    target: absolute('--mount target', target),
    readOnly,
    ...(options.length > 0 && { options }),
  }
}

/** `CONTAINER[:OPTIONS]` */
function parseTmpfs(text: string): Bind {
  const at = text.indexOf(':')
  const target = absolute('--tmpfs', at === -1 ? text : text.slice(0, at))
  const options =
    at === -1
      ? []
      : text
          .slice(at + 1)
          .split(',')
          .filter(Boolean)
  return {
    type: 'tmpfs',
    source: '',
    target,
    readOnly: options.includes('ro'),
    ...(options.length > 0 && { options }),
  }
}

/** `[[IP:]HOST:]CONTAINER[/tcp|/udp]`, ranges `8000-8002` too; an IPv6 address is in brackets. */
function parsePublish(text: string): PublishedPort[] {
  const match = /^(?:(?:(\[[0-9a-f:]+\]|[0-9.]+):)?(\d+(?:-\d+)?)?:)?(\d+(?:-\d+)?)(?:\/(tcp|udp))?$/i.exec(
    text,
  )
  const [, ip = '', host, container = '', protocol = 'tcp'] = match ?? []
  const containerPorts = portsIn(container)
  const hostPorts = host === undefined ? undefined : portsIn(host)
  if (!match || containerPorts.length === 0 || (hostPorts && hostPorts.length !== containerPorts.length))
    throw wrong('-p', text, 'Write [[IP:]HOST:]CONTAINER[/udp], e.g. 8080:80')
  return containerPorts.map((containerPort, index) => ({
    hostIp: ip.replace(/^\[|\]$/g, ''),
    hostPort: hostPorts ? String(hostPorts[index]) : '',
    containerPort,
    protocol: protocol.toLowerCase() === 'udp' ? 'udp' : 'tcp',
  }))
}

function portsIn(range: string): number[] {
  const [first = 0, last = first] = range.split('-').map(Number)
  if (first < 1 || last > 65535 || last < first) return []
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

function parseHost(text: string): string {
  const match = /^([^:=\s]+)[:=](\S+)$/.exec(text)
  if (!match) throw wrong('--add-host', text, 'Write NAME:IP')
  return `${match[1]}:${match[2]}`
}

function parseGpus(text: string): number {
  if (text === 'all') return -1
  if (/^\d+$/.test(text)) return Number(text)
  throw wrong('--gpus', text, 'Write a number, or all')
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
}

/** `512m`, `1.5g`, `2gib`: binary units, as Docker counts memory. */
function parseBytes(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text)
  const unit = UNITS[match?.[2]?.toLowerCase() ?? '']
  if (!match || unit === undefined) throw wrong(option, text, 'Write a size like 512m or 2g')
  return Math.floor(Number(match[1]) * unit)
}
