/** Completion for fish: a line for each command and option, with the condition it is offered under. */
import type { CommandDefinition, Completes, OptionDefinition } from '../definition.ts'
import { brief, fishQuoted } from './quote.ts'

export function fishCompletion(program: CommandDefinition): string {
  const none = '__fish_use_subcommand'
  return `${[
    '# Completion of headstart for fish, made by: headstart completion fish',
    'complete -c headstart -f',
    ...program.options.map((option) => optionLine(none, option)),
    ...program.commands.map((each) => commandLine(none, each)),
    ...program.commands.flatMap(linesOf),
  ].join('\n')}\n`
}

function linesOf(command: CommandDefinition): string[] {
  const seen = `__fish_seen_subcommand_from ${command.name}`
  if (command.commands.length === 0) return ownLines(seen, command)
  const names = command.commands.map(({ name }) => name).join(' ')
  const none = `${seen}; and not __fish_seen_subcommand_from ${names}`
  return [
    ...command.commands.map((each) => commandLine(none, each)),
    ...command.commands.flatMap((each) =>
      ownLines(`${seen}; and __fish_seen_subcommand_from ${each.name}`, each),
    ),
  ]
}

const ownLines = (condition: string, { options, arguments: given }: CommandDefinition): string[] => [
  ...options.map((option) => optionLine(condition, option)),
  ...given.flatMap(({ completes }) => argumentLine(condition, completes)).slice(0, 1),
]

const commandLine = (condition: string, { name, summary }: CommandDefinition): string =>
  `complete -c headstart -n ${fishQuoted(condition)} -a ${name} -d ${fishQuoted(summary)}`

function optionLine(condition: string, { names, text, value }: OptionDefinition): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
  const takes = value === undefined ? '' : ` ${valueFlags(value.completes)}`
  return `complete -c headstart -n ${fishQuoted(condition)} ${flags.join(' ')}${takes} -d ${fishQuoted(brief(text))}`
}

function valueFlags(completes: Completes): string {
  if (completes === 'nothing') return '-x'
  return completes === 'path' ? '-r -F' : `-x -a ${fishQuoted(completes.join(' '))}`
}

function argumentLine(condition: string, completes: Completes): string[] {
  if (completes === 'nothing') return []
  const what = completes === 'path' ? '-F' : `-a ${fishQuoted(completes.join(' '))}`
  return [`complete -c headstart -n ${fishQuoted(condition)} ${what}`]
}
