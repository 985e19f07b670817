/** The flags that say when a container counts as ready, for every command that starts one. */
import { type Command, Option } from 'commander'
import { HeadstartError } from '../../system/errors.ts'
import type { ReadyCheck } from '../../tracer/container/readiness/readiness.ts'
import { countFlag, durationFlag, portFlag, regexFlag, urlFlag } from './values.ts'

export interface ReadyFlags {
  readonly readyLog?: RegExp
  readonly readyHttp?: URL
  readonly readyStatus?: number
  readonly readyBody?: RegExp
  readonly readyTcp?: number
  readonly readyExec?: string
  readonly readyHealth?: boolean
  readonly readyExit?: boolean
  readonly period?: number
  /** of recordings alone */
  readonly untilInterrupt?: boolean
  readonly timeout: number
}

/** Only one of them may be given. */
const CHECKS = [
  'readyLog',
  'readyHttp',
  'readyTcp',
  'readyExec',
  'readyHealth',
  'readyExit',
  'period',
  'untilInterrupt',
] as const

const option = (flags: string, text: string) => new Option(flags, text).helpGroup('Ready when (one of):')

/** What comes after ready doesn't come then, and one Ctrl-C can't end several starts. */
export const untilInterruptOption = (): Option =>
  option('--until-interrupt', 'when you press Ctrl-C (or send SIGINT): that ends the recording').conflicts([
    'grace',
    'script',
    'runs',
  ])

/** @param more ways to be ready of this command alone */
export function addReadyFlags(command: Command, ...more: readonly Option[]): Command {
  command
    .addOption(option('--ready-log <regex>', 'a line of the output matches').argParser(regexFlag))
    .addOption(option('--ready-http <url>', 'it responds; localhost means the container').argParser(urlFlag))
    .addOption(
      option('--ready-status <code>', 'with --ready-http: the status is this one').argParser(countFlag),
    )
    .addOption(option('--ready-body <regex>', 'with --ready-http: the body matches').argParser(regexFlag))
    .addOption(option('--ready-tcp <port>', 'the port accepts connections').argParser(portFlag))
    .addOption(option('--ready-exec <command>', 'a shell command in the container exits with 0'))
    .addOption(option('--ready-health', "the image's healthcheck passes"))
    .addOption(option('--ready-exit', 'it exits with 0'))
    .addOption(
      option('--period <time>', 'after this long, whatever happens (default: 10s)').argParser(durationFlag),
    )
  for (const each of more) command.addOption(each)
  return command.addOption(
    option('--timeout <time>', 'fail if it is not ready by then')
      .argParser(durationFlag)
      .default(120_000, '2m'),
  )
}

/**
 * @param healthcheck the image's own, for `--ready-health`
 * @throws HeadstartError E_USAGE: two checks, or a flag without the one it requires
 */
export function readyCheck(flags: ReadyFlags, healthcheck: readonly string[] | undefined): ReadyCheck {
  const given = CHECKS.filter((name) => flags[name] !== undefined)
  if (given.length > 1)
    throw new HeadstartError('E_USAGE', `${given.map(flagName).join(' and ')} can't be combined`, {
      hint: 'Choose the one that says when your container is ready',
    })
  if (flags.readyHttp === undefined && (flags.readyStatus ?? flags.readyBody) !== undefined)
    throw new HeadstartError('E_USAGE', '--ready-status and --ready-body require --ready-http')
  if (flags.readyLog) return { by: 'log', pattern: flags.readyLog }
  if (flags.readyHttp)
    return {
      by: 'http',
      url: flags.readyHttp.href,
      ...(flags.readyStatus !== undefined && { status: flags.readyStatus }),
      ...(flags.readyBody && { body: flags.readyBody }),
    }
  if (flags.readyTcp !== undefined) return { by: 'tcp', port: flags.readyTcp }
  if (flags.readyExec !== undefined) return { by: 'exec', command: ['/bin/sh', '-c', flags.readyExec] }
  if (flags.readyHealth) return { by: 'health', command: healthCommand(healthcheck) }
  if (flags.readyExit) return { by: 'exit' }
  if (flags.untilInterrupt) return { by: 'interrupt' }
  return { by: 'period', ms: flags.period ?? 10_000 }
}

const flagName = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** `["CMD", …]` or `["CMD-SHELL", "text"]`, as image configs hold it. */
function healthCommand(healthcheck: readonly string[] | undefined): string[] {
  const [kind, ...rest] = healthcheck ?? []
  if (kind === 'CMD' && rest.length > 0) return rest
  if (kind === 'CMD-SHELL' && rest[0] !== undefined) return ['/bin/sh', '-c', rest[0]]
  throw new HeadstartError('E_USAGE', '--ready-health: the image declares no healthcheck', {
    hint: 'Use --ready-http, --ready-tcp or --ready-exec',
  })
}
