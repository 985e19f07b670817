/** How the container is run, with the flags known from `docker run`. The tracer interprets their values. */
import { type Command, Option } from 'commander'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { readInput } from '../../system/files/read-whole.ts'
import { parseRunOptions, type RunFlags } from '../../tracer/container/options/parse-run-options.ts'
import type { RunOptions } from '../../tracer/container/options/run-options.ts'
import { collect } from './values.ts'

/** As commander gives them; files are not read yet. */
export type ContainerFlags = Omit<RunFlags, 'envFiles'> & { readonly envFile?: readonly string[] }

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
    "host, none, bridge, or one of the engine's networks; by default, runc gives the container a network of its own that only the --ready-… checks and headstart's requests reach",
  ],
  ['--add-host <name:ip>', 'add a line to /etc/hosts *'],
  ['--dns <ip>', 'use this name server *'],
  ['--gpus <count>', 'number of GPUs, or all'],
  ['--cap-add <capability>', 'add a capability *'],
  ['--privileged', 'grant all capabilities and devices'],
  ['--shm-size <bytes>', 'size of /dev/shm'],
  ['-m, --memory <bytes>', 'memory limit'],
  ['-i, --interactive', 'pass on standard input'],
  ['-t, --tty', 'allocate a terminal'],
] as const

export function addRunFlags(command: Command): Command {
  for (const [flags, text] of FLAGS) {
    const option = new Option(flags, text.replace(' *', ' (repeatable)')).helpGroup(
      'Container, as in docker run:',
    )
    command.addOption(text.endsWith('*') ? option.argParser(collect) : option)
  }
  return command
}

/** @throws HeadstartError E_OPTION, E_FILE */
export async function runOptions({ envFile = [], ...flags }: ContainerFlags): Promise<RunOptions> {
  const envFiles = await Promise.all(envFile.map(readEnvFile))
  return parseRunOptions({ ...flags, envFiles }, { env: process.env, folder: process.cwd() })
}

async function readEnvFile(file: string): Promise<string> {
  try {
    return await readInput(file)
  } catch (cause) {
    throw new HeadstartError('E_FILE', `--env-file ${file} can't be read: ${messageOf(cause)}`, { cause })
  }
}
