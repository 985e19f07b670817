/** The command line as plain data, read from commander's definitions: what completions and man pages are made of. */
import { EventEmitter } from 'node:events'
import type { Argument, Command, Option } from 'commander'

export interface CommandDefinition {
  readonly name: string
  readonly summary: string
  readonly arguments: readonly ArgumentDefinition[]
  readonly options: readonly OptionDefinition[]
  readonly commands: readonly CommandDefinition[]
  /** what the help says after the options, line by line: examples, statuses */
  readonly notes: readonly string[]
}

export interface ArgumentDefinition {
  /** as in the usage line: `<image>`, `[command...]` */
  readonly usage: string
  readonly text: string
  readonly completes: Completes
}

export interface OptionDefinition {
  /** `-o`, `--output`; at least one */
  readonly names: readonly string[]
  /** as in the help: `-o, --output <file>` */
  readonly usage: string
  readonly text: string
  /** the help's heading it stands under; '' for the general ones */
  readonly group: string
  /** undefined: it takes no value */
  readonly value: { readonly name: string; readonly completes: Completes } | undefined
}

/** What may stand there: one of some words, a path, or something that nobody can guess. */
export type Completes = readonly string[] | 'path' | 'nothing'

const HELP: OptionDefinition = {
  names: ['-h', '--help'],
  usage: '-h, --help',
  text: 'display help for command',
  group: '',
  value: undefined,
}

export function definitionOf(command: Command): CommandDefinition {
  return {
    name: command.name(),
    summary: command.description(),
    arguments: command.registeredArguments.map(argumentOf),
    options: [...command.options.filter(({ hidden }) => !hidden).map(optionOf), helpOf(command)],
    commands: command.commands.map(definitionOf),
    notes: notesOf(command),
  }
}

/** Commander keeps them as listeners, which write when the help is shown. */
function notesOf(command: Command): string[] {
  let text = ''
  const write = (part: string) => {
    text += part
  }
  if (command instanceof EventEmitter) command.emit('afterHelp', { command, error: false, write })
  return text.trim() === '' ? [] : text.replace(/^\n+|\s+$/g, '').split('\n')
}

/** Where -h is something else, as in docker run, help has its long name alone. */
const helpOf = (command: Command): OptionDefinition =>
  command.options.some(({ short }) => short === '-h') ? { ...HELP, names: ['--help'], usage: '--help' } : HELP

/** Images are completed as paths, too: a layout or an archive is one. */
function argumentOf(argument: Argument): ArgumentDefinition {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return {
    usage: argument.required ? `<${name}>` : `[${name}]`,
    text: argument.description,
    completes: argument.argChoices ?? 'path',
  }
}

const PATHS = /^(files?|folder|program|trace|image|host:container.*)$/

function optionOf(option: Option): OptionDefinition {
  const name = /[<[](.*?)(?:\.\.\.)?[>\]]$/.exec(option.flags)?.[1]
  const completes = option.argChoices ?? (name !== undefined && PATHS.test(name) ? 'path' : 'nothing')
  return {
    names: [option.short, option.long].filter((flag) => flag !== undefined),
    usage: option.flags,
    text: `${option.description}${notes(option)}`,
    group: (option.helpGroupHeading ?? '').replace(/:$/, ''),
    value: name === undefined ? undefined : { name, completes },
  }
}

/** What the help adds to a description. */
function notes({ argChoices, defaultValue, defaultValueDescription }: Option): string {
  const shown = defaultValueDescription ?? (isShown(defaultValue) ? String(defaultValue) : undefined)
  const parts = [
    ...(argChoices ? [`choices: ${argChoices.join(', ')}`] : []),
    ...(shown === undefined ? [] : [`default: ${shown}`]),
  ]
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`
}

const isShown = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') || typeof value === 'number'
