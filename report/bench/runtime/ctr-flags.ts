/** The options of `docker run` as flags of `ctr run`, which names most of them differently and lacks some. Pure. */
import { HeadstartError } from '../../../system/errors.ts'
import type { Bind, RunOptions } from '../../../tracer/container/options/run-options.ts'
import { refuseLines } from './options.ts'

const refused = (option: string, reason: string): HeadstartError =>
  new HeadstartError('E_OPTION', `containerd's ctr does not support ${option}: ${reason}`, {
    hint: 'Measure with --runtime builtin',
  })

/** What `ctr run` has no flag for. */
function refuseUnknown(options: RunOptions): void {
  const { publish, addHosts, dns, interactive, tty } = options
  if (publish?.length)
    throw refused('-p', 'it does not publish ports; with --network host, none need publishing')
  if (addHosts?.length) throw refused('--add-host', 'the container uses the /etc/hosts of the host')
  if (dns?.length) throw refused('--dns', 'the container uses the name servers of the host')
  if (interactive) throw refused('-i', 'a measurement has no standard input')
  if (tty) throw refused('-t', 'a measurement has no terminal')
  refuseLines(options)
}

/**
 * @param envFile holds the variables: everyone on the machine can read a command line
 * @param help the help text of `ctr run`: older versions lack some flags
 * @throws HeadstartError E_OPTION
 */
export function ctrFlags(options: RunOptions, envFile: string, help: string): string[] {
  refuseUnknown(options)
  const { env, user, workingDir, binds = [], network = 'host', capAdd = [], gpus, shmBytes } = options
  if (user !== undefined && !help.includes('--user'))
    throw refused('-u', "this version runs containers only as the image's user")
  if (network !== 'host' && network !== 'none')
    throw refused('--network', `it supports host and none, not ${network}`)
  return [
    ...(network === 'host' ? ['--net-host'] : []),
    // As other engines do: programs may switch users while they start.
    '--allow-new-privs',
    ...(env?.length ? ['--env-file', envFile] : []),
    ...(user === undefined ? [] : ['--user', user]),
    ...(workingDir === undefined ? [] : ['--cwd', workingDir]),
    ...binds.flatMap((bind) => ['--mount', mountOf(bind)]),
    ...(shmBytes === undefined ? [] : ['--mount', shmOf(shmBytes)]),
    ...capAdd.flatMap((capability) => ['--cap-add', capabilityOf(capability)]),
    ...(options.privileged ? ['--privileged'] : []),
    ...(options.memoryBytes === undefined ? [] : ['--memory-limit', String(options.memoryBytes)]),
    ...gpusOf(gpus),
  ]
}

/** Fields of a CSV line. */
const csvField = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

function mountOf({ type, source, target, readOnly }: Bind): string {
  if (type === 'volume') throw refused('volumes', 'mount a folder of the host instead')
  const fields =
    type === 'bind'
      ? ['type=bind', `src=${source}`, `dst=${target}`, `options=rbind:${readOnly ? 'ro' : 'rw'}`]
      : ['type=tmpfs', 'src=tmpfs', `dst=${target}`, 'options=nosuid:nodev:noexec']
  return fields.map(csvField).join(',')
}

const shmOf = (bytes: number): string =>
  `type=tmpfs,src=shm,dst=/dev/shm,options=nosuid:noexec:nodev:mode=1777:size=${bytes}`

function capabilityOf(name: string): string {
  const upper = name.toUpperCase()
  if (upper === 'ALL') throw refused('--cap-add ALL', 'list the capabilities one by one, or use --privileged')
  return upper.startsWith('CAP_') ? upper : `CAP_${upper}`
}

/** `ctr` takes the number of each. */
function gpusOf(count: number | undefined): string[] {
  if (count === undefined) return []
  if (count < 0) throw refused('--gpus all', 'give a number')
  return Array.from({ length: count }, (_, index) => ['--gpus', String(index)]).flat()
}
