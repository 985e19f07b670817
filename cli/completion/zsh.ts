/** Completion for zsh: the specifications that its own `_arguments` takes, for each command. */
import type { ArgumentDefinition, CommandDefinition, Completes, OptionDefinition } from '../definition.ts'
import { brief, quoted } from './quote.ts'

export const zshCompletion = (program: CommandDefinition): string => `#compdef headstart
# Completion of headstart for zsh, made by: headstart completion zsh
${functionsOf('_headstart', program)}
if [ "$funcstack[1]" = _headstart ]; then _headstart "$@"; else compdef _headstart headstart; fi
`

/** A function for a command, after those for the commands in it. */
function functionsOf(name: string, command: CommandDefinition): string {
  const inner = command.commands.map((each) => functionsOf(`${name}_${each.name}`, each))
  const options = command.options.map(optionSpec)
  const body = command.commands.length > 0 ? choosing(name, command, options) : listing(command, options)
  return [...inner, `${name}() {\n${body}\n}`].join('\n')
}

const lines = (specs: readonly string[]): string => specs.map((spec) => `    ${spec}`).join(' \\\n')

const listing = ({ arguments: given }: CommandDefinition, options: readonly string[]): string =>
  `  _arguments -s \\\n${lines([...options, ...given.map(argumentSpec)])}`

const choosing = (
  name: string,
  { commands }: CommandDefinition,
  options: readonly string[],
): string => `  local curcontext=$curcontext state line
  local -a commands=(
${commands.map((each) => `    ${quoted(`${each.name}:${each.summary.replaceAll(':', '\\:')}`)}`).join('\n')}
  )
  _arguments -C \\
${lines([...options, quoted('1: :->command'), quoted('*:: :->rest')])}
  case $state in
    command) _describe command commands ;;
    rest) (( $+functions[${name}_$line[1]] )) && ${name}_$line[1] ;;
  esac`

/** What ends a text in a specification must not be in it. */
const escaped = (raw: string): string => raw.replace(/[[\]:\\]/g, '\\$&')
const text = (raw: string): string => escaped(brief(raw))

function optionSpec({ names, text: about, value, usage }: OptionDefinition): string {
  const isRepeated = /repeatable/.test(about) || usage.endsWith('...>')
  const front = isRepeated ? '*' : names.length > 1 ? `(${names.join(' ')})` : ''
  const tail = `[${text(about)}]${value ? `:${escaped(value.name)}:${action(value.completes)}` : ''}`
  const [only = ''] = names
  return names.length > 1
    ? `${quoted(front)}{${names.join(',')}}${quoted(tail)}`
    : quoted(`${front}${only}${tail}`)
}

function argumentSpec({ usage, completes }: ArgumentDefinition): string {
  const name = escaped(usage.replace(/^[<[]|(\.\.\.)?[>\]]$/g, ''))
  const place = usage.includes('...') ? '*' : usage.startsWith('[') ? ':' : ''
  return quoted(`${place}:${name}:${action(completes)}`)
}

function action(completes: Completes): string {
  if (completes === 'nothing') return ' '
  return completes === 'path' ? '_files' : `(${completes.join(' ')})`
}
