/** How the container is run, in the flags people know from `docker run`. */
import { type Command, Option } from 'commander'
import type { RunOptions } from '../tracer/engine/run-options.ts'
import { collect } from './flags.ts'

export interface RunFlags {
  readonly env?: string[]
  readonly user?: string
  readonly workdir?: string
  readonly entrypoint?: string
  readonly network?: string
  readonly privileged: boolean
  readonly interactive: boolean
  readonly tty: boolean
}

export function addRunFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('As docker run:')
  return command
    .addOption(option('-e, --env <name=value>', 'an environment variable').argParser(collect))
    .addOption(option('-u, --user <user[:group]>', 'run as'))
    .addOption(option('-w, --workdir <folder>', 'working directory'))
    .addOption(option('--entrypoint <program>', "instead of the image's"))
    .addOption(option('--network <name>', 'host, none, bridge, or a network of the engine'))
    .addOption(option('--privileged', 'all capabilities and devices').default(false))
    .addOption(option('-i, --interactive', 'pass standard input').default(false))
    .addOption(option('-t, --tty', 'give it a terminal').default(false))
}

export async function runOptions(flags: RunFlags): Promise<RunOptions> {
  return {
    privileged: flags.privileged,
    interactive: flags.interactive,
    tty: flags.tty,
    ...(flags.env && { env: flags.env.map(fromEnvironment) }),
    ...(flags.user !== undefined && { user: flags.user }),
    ...(flags.workdir !== undefined && { workingDir: flags.workdir }),
    ...(flags.entrypoint !== undefined && { entrypoint: flags.entrypoint === '' ? [] : [flags.entrypoint] }),
    ...(flags.network !== undefined && { network: flags.network }),
  }
}

/** `NAME` alone takes the value that headstart has. */
const fromEnvironment = (text: string): string =>
  text.includes('=') ? text : `${text}=${process.env[text] ?? ''}`
