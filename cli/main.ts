/** Parses the command line, runs one command, and maps whatever it ends with to one line and an exit status. */
import '../system/node-22.ts'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { Command, CommanderError, Help } from 'commander'
import { codeOf, failuresOf, HeadstartError, isDiskFull, messageOf } from '../system/errors.ts'
import { type Fault, tellParent } from '../system/process/parent.ts'
import { isSystemError } from '../system/system-error.ts'
import { withoutSecrets, withoutUrlSecrets } from '../system/text/secrets.ts'
import { workspaceRoot } from '../system/workspace.ts'
import { commands, entryOf } from './commands.ts'
import type { CliContext } from './context.ts'
import { type Interrupts, listenForInterrupts } from './interrupt.ts'
import { argumentsOf } from './kept-arguments.ts'
import { createOutput, type Mark, printLines } from './print/output.ts'

const EXAMPLES = `
Examples:
  record a start in trace.json, rebuild the image, measure and show the gain:
    headstart profile web:1 --ready-log listening
    headstart optimize web:1 registry.example/web:1-esgz --trace trace.json
    headstart bench web:1 registry.example/web:1-esgz --ready-log listening
    headstart report trace.json bench.json -o report.html

IMAGE is a name in the Docker engine or a registry, docker://NAME,
docker-daemon:NAME, oci:FOLDER[:TAG], oci-archive:FILE[:TAG] or
docker-archive:FILE[:NAME].`

/** The package's own, by its name: where it lies differs between a checkout and the compiled package. */
const require = createRequire(import.meta.url)
const PACKAGE = 'headstart/package.json'

export const version = (): string => {
  const { version: text }: { version: string } = require(PACKAGE)
  return text
}

/** Whatever has started this process: a test, perhaps. */
const entry = (): string => join(dirname(require.resolve(PACKAGE)), 'cli/headstart.js')

/** @param isWanted by name: these get their arguments and options; the help shows one line for each of the others */
export async function createProgram(
  interrupts: Interrupts,
  isWanted: (name: string) => boolean = () => true,
): Promise<Command> {
  const program = new Command('headstart')
    .description('Gives a container image a head start: what its start reads comes first.')
    .version(version())
    .option('-q, --quiet', 'print results and errors only', false)
    .option('--debug', 'show stack traces, and why things are as they are', false)
    .addHelpText('after', EXAMPLES)
    // What is off unless it is given needs no word.
    .configureHelp({
      optionDescription: (option) => new Help().optionDescription(option).replace(/ \(default: false\)$/, ''),
    })
    .showHelpAfterError(helpHint('', 'commands'))
    .configureOutput({ outputError: (text) => printLines(process.stderr, linesOf(text)) })
    .exitOverride()
  const context: CliContext = {
    interrupts,
    output: (json = false) => {
      const { quiet, debug } = program.opts()
      return createOutput({ quiet: quiet === true, debug: debug === true, json })
    },
    version: version(),
    headstart: [process.execPath, entry()],
    program: () => createProgram(interrupts),
  }
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary)
    if (isWanted(name)) {
      if (entryOf(name)?.failure !== undefined) endAtArguments(command, program)
      ;(await load()).register(command, context)
    }
    command.showHelpAfterError(helpHint(name, command.commands.length > 0 ? 'commands' : 'options'))
    for (const below of command.commands)
      below.showHelpAfterError(helpHint(`${name} ${below.name()}`, 'options'))
  }
  return program
}

/** Its options end at its first argument, so it has those of every command itself. */
function endAtArguments(command: Command, program: Command): void {
  program.enablePositionalOptions()
  command.passThroughOptions()
  for (const option of program.options.filter(({ long }) => long !== '--version')) {
    command.addOption(option)
    command.on(`option:${option.name()}`, () => program.setOptionValue(option.attributeName(), true))
  }
}

const helpHint = (command: string, what: string): string =>
  `(${['headstart', ...(command === '' ? [] : [command]), '--help'].join(' ')} shows the ${what})`

/** The parser's complaint, which repeats what was typed, and its guess on a line of its own. */
function linesOf(complaint: string): string[] {
  const guess = /\n\(Did you mean [^\n]*\)$/.exec(complaint.trimEnd())?.[0] ?? ''
  const rest = complaint.trimEnd().slice(0, complaint.trimEnd().length - guess.length)
  return [...withoutSecrets([rest]), ...(guess === '' ? [] : [guess.slice(1)])]
}

/** Runs the command and sets the exit status; never throws. */
export async function main(typed: readonly string[]): Promise<void> {
  const args = argumentsOf(typed)
  using interrupts = listenForInterrupts()
  process.stdout.on('error', (error) => onStdoutError(error, interrupts))
  const wanted = args.find((arg) => !arg.startsWith('-') && arg !== 'help')
  const failure = entryOf(wanted)?.failure
  let program: Command | undefined
  try {
    program = await createProgram(interrupts, (name) => name === wanted)
    // Help with a command that doesn't exist would be the general one, and a success.
    const isKnown = wanted === undefined || program.commands.some((command) => command.name() === wanted)
    const parsed = isKnown ? args : args.filter((arg) => arg !== '--help' && arg !== '-h')
    await Promise.race([program.parseAsync(parsed, { from: 'user' }), strayFailure()])
  } catch (error) {
    const debug = program?.opts().debug === true || (failure === undefined && args.includes('--debug'))
    process.exitCode = report(error, interrupts, { debug, failure })
  }
}

/** Rejects with what fails and nobody waits for: a fault of ours, told like any other. What runs goes on to its end, and cleans up. */
const strayFailure = (): Promise<never> =>
  new Promise((_, reject) => process.once('unhandledRejection', reject))

interface Reporting {
  readonly debug: boolean
  /** see `CommandEntry` */
  readonly failure: number | undefined
}

/** Prints what ended the command, and returns its status: 1; 2 for a wrong command line; 3 for an exceeded limit; 4 for a profile that doesn't fit, or isn't there; 5 for a tag that has moved on; 128 + the signal. */
function report(thrown: unknown, interrupts: Interrupts, { debug, failure }: Reporting): number {
  const [error, ...whileCleaning] = failuresOf(thrown)
  if (!interrupts.abort.aborted) tellParent(faultOf(error))
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : (failure ?? 2) // commander has printed it
  // Whatever it quotes: a name that was mistyped, a file that is a URL, a library's error with all its fields.
  const print = (lines: readonly string[], mark?: Mark) =>
    printLines(process.stderr, lines.map(withoutUrlSecrets), mark)
  const say = (text: string) => print([text], { text: 'headstart: ', colour: 'red' })
  // Indented, so that no line of it looks like one of ours.
  const details = () =>
    print(
      inspect(thrown)
        .split('\n')
        .map((line) => `    ${line}`),
    )
  if (interrupts.abort.aborted) {
    say('interrupted')
    if (debug) details()
    return interrupts.status()
  }
  if (error instanceof HeadstartError) {
    say(messageOf(error))
    if (error.hint !== undefined) print([`  ${error.hint}`])
  } else if (isSystemError(error)) {
    // A folder without write permission: the line names the path. What was written to when a disk was full isn't always known here.
    say(messageOf(error))
    if (isDiskFull(error))
      print([
        `  Free some; temporary files are in ${workspaceRoot()}, unless HEADSTART_TMPDIR names another folder`,
      ])
  } else {
    say(`unexpected error: ${messageOf(error)}`)
    print(['  Please report it, with what the command prints when run with --debug'])
  }
  print(whileCleaning.map((failure) => `  Cleaning up failed, too: ${messageOf(failure)}`))
  if (debug) details()
  const code = error instanceof HeadstartError ? error.code : ''
  return failure === undefined ? (STATUS[code] ?? 1) : (START_STATUS[code] ?? failure)
}

function faultOf(error: unknown): Fault {
  const message = messageOf(error)
  if (error instanceof HeadstartError)
    return { code: error.code, message, ...(error.hint !== undefined && { hint: error.hint }) }
  if (error instanceof CommanderError) return { code: 'E_USAGE', message: message.replace(/^error: /, '') }
  return { code: 'E_UNEXPECTED', message }
}

/** For errors that a script may want to tell apart. */
const STATUS: Readonly<Record<string, number>> = {
  E_USAGE: 2,
  E_EXCEEDED: 3,
  E_COVERAGE: 4,
  E_NO_PROFILE: 4,
  E_SUPERSEDED: 5,
  E_INTERRUPTED: 130,
}

/** Of a container that could not be started, as docker run and shells have them. */
const START_STATUS: Readonly<Record<string, number>> = {
  E_NOT_EXECUTABLE: 126,
  E_NO_PROGRAM: 127,
}

/** A reader may close our output, as `head` does. Whatever else it fails with, like a full disk, is the command's failure. */
function onStdoutError(error: Error, interrupts: Interrupts): void {
  const isClosed = codeOf(error) === 'EPIPE'
  process.exitCode = isClosed
    ? 0
    : report(stdoutFault(error), interrupts, { debug: false, failure: undefined })
}

const stdoutFault = (cause: Error): HeadstartError =>
  new HeadstartError('E_FILE', `stdout can't be written: ${messageOf(cause)}`, { cause })
