/** The options of `docker run` as flags of `ctr run`, which has its own names for most of them, and none for some. Pure. */
import { HeadstartError } from '../../../system/errors.ts'
import type { Bind, RunOptions } from '../../../tracer/container/run-options.ts'
import { refuseLines } from './options.ts'

const refused = (option: string, reason: string): HeadstartError =>
  new HeadstartError('E_OPTION', `containerd's ctr can't be given ${option}: ${reason}`, {
    hint: 'Measure with --runtime builtin',
  })

/** What `ctr run` has nothing for at all. */
function refuseUnknown(options: RunOptions): void {
  const { publish, addHosts, dns, interactive, tty } = options
  if (publish?.length) throw refused('-p', 'it publishes no ports; --network host needs none published')
  if (addHosts?.length) throw refused('--add-host', "the container has the host's own /etc/hosts")
  if (dns?.length) throw refused('--dns', "the container has the host's own name servers")
  if (interactive) throw refused('-i', 'nobody types in a measurement')
  if (tty) throw refused('-t', 'a measurement has no terminal')
  refuseLines(options)
}

/**
 * @param envFile where the variables are written down: on a command line anybody on the machine could read them
 * @param help of `ctr run`: older ones lack some flags
 * @throws HeadstartError E_OPTION
 */
export function ctrFlags(options: RunOptions, envFile: string, help: string): string[] {
  refuseUnknown(options)
  const { env, user, workingDir, binds = [], network = 'host', capAdd = [], gpus, shmBytes } = options
  if (user !== undefined && !help.includes('--user'))
    throw refused('-u', 'this version of it runs containers as the user of the image only')
  if (network !== 'host' && network !== 'none')
    throw refused('--network', `it has host and none, not ${network}`)
  return [
    ...(network === 'host' ? ['--net-host'] : []),
    // As with other engines: programs may become another user on their way up.
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
  if (type === 'volume') throw refused('a volume', 'it has none; mount a folder of the host')
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
  if (upper === 'ALL') throw refused('--cap-add ALL', 'it takes single ones; --privileged has all')
  return upper.startsWith('CAP_') ? upper : `CAP_${upper}`
}

/** They are named by their numbers. */
function gpusOf(count: number | undefined): string[] {
  if (count === undefined) return []
  if (count < 0) throw refused('--gpus all', 'it needs to know how many')
  return Array.from({ length: count }, (_, index) => ['--gpus', String(index)]).flat()
}
