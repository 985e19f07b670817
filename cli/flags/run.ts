/** How the container is run, with the flags known from `docker run`. The tracer interprets their values. */
import { type Command, Option } from 'commander'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { readInput } from '../../system/files/read-whole.ts'
import { parseRunOptions, type RunFlags } from '../../tracer/container/options/parse-run-options.ts'
import type { RunOptions } from '../../tracer/container/options/run-options.ts'
import { collect } from './values.ts'

/** As commander gives them; files are not read yet. */
export type ContainerFlags = Omit<RunFlags, 'envFiles' | 'name'> & {
  readonly envFile?: readonly string[]
  /** docker run's other name of `network` */
  readonly net?: string
}

/** flags, help; `*` may be given several times */
const FLAGS = [
  ['-e, --env <name=value>', 'set an environment variable; NAME alone passes on your own *'],
  ['--env-file <file>', 'a file of environment variables, one per line *'],
  ['-u, --user <user[:group]>', 'user to run as'],
  ['-w, --workdir <folder>', 'working directory'],
  ['--entrypoint <program>', "replaces the image's entrypoint"],
  ['-v, --volume <host:container[:ro]>', 'mount a folder (made if it does not exist), a file or a volume *'],
  ['--mount <type=,source=,target=>', 'the same, spelled out *'],
  ['--tmpfs <folder>', 'mount a folder in memory *'],
  ['-p, --publish <host:container>', 'publish a port; not supported by runc, see --network *'],
  [
    '--network <name>',
    "host, none, bridge, or one of the engine's networks; by default, runc gives the container a network of its own that only headstart reaches",
  ],
  ['--add-host <name:ip>', 'add a line to /etc/hosts *'],
  ['--dns <ip>', 'use this name server *'],
  ['--gpus <count>', 'number of GPUs, or all'],
  ['--hostname <name>', "the container's name for itself"],
  ['-l, --label <name=value>', 'attach a label *'],
  ['--cap-add <capability>', 'add a capability, or all *'],
  ['--cap-drop <capability>', 'take a capability away, or all *'],
  ['--privileged', 'grant all capabilities and devices'],
  ['--security-opt <option>', 'no-new-privileges, seccomp=FILE, apparmor=PROFILE, … *'],
  ['--device <host:container>', 'let it use a device *'],
  ['--group-add <group>', 'a further group to run with *'],
  ['--shm-size <bytes>', 'size of /dev/shm'],
  ['-m, --memory <bytes>', 'memory limit'],
  ['--cpus <number>', 'how many CPUs it may use, e.g. 1.5'],
  ['--pids-limit <count>', 'how many processes it may have'],
  ['--ulimit <name=soft:hard>', 'limit a resource, e.g. nofile=1024 *'],
  ['--sysctl <name=value>', 'set a kernel parameter *'],
  ['--pid <namespace>', 'host, or container:NAME'],
  ['--ipc <namespace>', 'host, private, or container:NAME'],
  ['--read-only', 'the root can only be read'],
  ['--init', 'a small init reaps processes and passes on signals'],
  ['--stop-signal <signal>', 'what asks it to stop'],
  ['-i, --interactive', 'pass on standard input'],
  ['-t, --tty', 'allocate a terminal'],
] as const

/** @param hasShortHelp `-h` is the command's help, and not the hostname as in docker run */
export function addRunFlags(command: Command, hasShortHelp = true): Command {
  for (const [given, text] of FLAGS) {
    const flags = given.startsWith('--hostname') && !hasShortHelp ? `-h, ${given}` : given
    const option = new Option(flags, text.replace(' *', ' (repeatable)')).helpGroup(
      'Container, as in docker run:',
    )
    command.addOption(text.endsWith('*') ? option.argParser(collect) : option)
  }
  return command.addOption(new Option('--net <name>').hideHelp())
}

export const engineOption = (): Option =>
  new Option(
    '--engine <name>',
    'what runs the container (default: docker if it responds, else runc)',
  ).choices(['docker', 'runc'])

/** @param name of the container, where it has one: a `--name` among the flags may be of something else, as of a profile. @throws HeadstartError E_OPTION, E_FILE */
export async function runOptions(
  { envFile = [], securityOpt, net, ...flags }: ContainerFlags,
  name?: string,
): Promise<RunOptions> {
  const envFiles = await Promise.all(envFile.map((file) => readFor('--env-file', file)))
  const security = securityOpt && (await Promise.all(securityOpt.map(withProfile)))
  return parseRunOptions(
    {
      ...(net !== undefined && { network: net }),
      ...flags,
      envFiles,
      ...(security && { securityOpt: security }),
      name,
    },
    { env: process.env, folder: process.cwd() },
  )
}

/** `seccomp=FILE`: the engine's API takes what is in it. */
async function withProfile(option: string): Promise<string> {
  const file = /^seccomp[=:](.+)$/s.exec(option)?.[1]
  if (file === undefined || file === 'unconfined' || file === 'builtin')
    return option.replace(/^seccomp:/, 'seccomp=')
  return `seccomp=${await readFor('--security-opt seccomp', file)}`
}

async function readFor(option: string, file: string): Promise<string> {
  try {
    return await readInput(file)
  } catch (cause) {
    throw new HeadstartError('E_FILE', `${option} ${file} can't be read: ${messageOf(cause)}`, { cause })
  }
}
