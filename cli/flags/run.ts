/** How the container is run, in the flags people know from `docker run`. What their values mean is the tracer's to say. */
import { type Command, Option } from 'commander'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { readInput } from '../../system/read-whole.ts'
import { parseRunOptions, type RunFlags } from '../../tracer/container/parse-run-options.ts'
import type { RunOptions } from '../../tracer/container/run-options.ts'
import { collect } from './values.ts'

/** As commander gives them; files are not read yet. */
export type ContainerFlags = Omit<RunFlags, 'envFiles'> & { readonly envFile?: readonly string[] }

/** flags, help; `*` may be given several times */
const FLAGS = [
  ['-e, --env <name=value>', 'an environment variable; NAME alone passes on your own *'],
  ['--env-file <file>', 'environment variables, one a line *'],
  ['-u, --user <user[:group]>', 'run as'],
  ['-w, --workdir <folder>', 'working directory'],
  ['--entrypoint <program>', "instead of the image's"],
  ['-v, --volume <host:container[:ro]>', 'a folder, file or volume in it *'],
  ['--mount <type=,source=,target=>', 'the same, spelled out *'],
  ['--tmpfs <folder>', 'a folder in memory *'],
  ['-p, --publish <host:container>', 'a port; runc publishes none: see --network *'],
  [
    '--network <name>',
    'host, none, bridge, or a network of the engine; without, runc gives it one with nothing else in it, which only --ready-… and requests of headstart reach',
  ],
  ['--add-host <name:ip>', 'a line in /etc/hosts *'],
  ['--dns <ip>', 'a name server *'],
  ['--gpus <count>', 'GPUs, or all'],
  ['--cap-add <capability>', 'a capability *'],
  ['--privileged', 'all capabilities and devices'],
  ['--shm-size <bytes>', 'of /dev/shm'],
  ['-m, --memory <bytes>', 'limit'],
  ['-i, --interactive', 'pass standard input'],
  ['-t, --tty', 'give it a terminal'],
] as const

export function addRunFlags(command: Command): Command {
  for (const [flags, text] of FLAGS) {
    const option = new Option(flags, text.replace(' *', ' (repeatable)')).helpGroup('As docker run:')
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
