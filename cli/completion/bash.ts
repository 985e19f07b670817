/** Completion for bash: a function that looks at the words so far, and a case for each command. */
import type { CommandDefinition, Completes, OptionDefinition } from '../definition.ts'
import { quoted } from './quote.ts'

export const bashCompletion = (
  program: CommandDefinition,
): string => `# Completion of headstart for bash, made by: headstart completion bash
_headstart_words() { COMPREPLY=($(compgen -W "$1" -- "$current")); }
_headstart_paths() {
  compopt -o filenames 2>/dev/null
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$current"))
}
_headstart() {
  local current=$2 previous=$3 command= word at options
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    case $word in
      --) _headstart_paths; return ;;
      -*) ;;
      *)
        [ -n "$command" ] || command=$word
${program.commands
  .filter(({ commands }) => commands.length > 0)
  .map(nestedWord)
  .join('\n')}
        ;;
    esac
  done
  case $command in
${caseOf('', program)}
${program.commands.flatMap(casesOf).join('\n')}
  esac
}
complete -F _headstart headstart
`

/** The word after a command that has commands of its own. */
const nestedWord = ({ name }: CommandDefinition): string =>
  `        [ "\${COMP_WORDS[at - 1]}" != ${name} ] || [ "$command" != ${name} ] || command="${name} $word"`

const casesOf = (command: CommandDefinition): string[] => [
  caseOf(command.name, command),
  ...command.commands.map((each) => caseOf(`${command.name} ${each.name}`, each)),
]

function caseOf(pattern: string, { options, commands, arguments: given }: CommandDefinition): string {
  const words = options.flatMap(({ names }) => names.filter((name) => name.startsWith('--')))
  const places = [
    ...(commands.length > 0 ? [commands.map(({ name }) => name)] : []),
    ...given.map((each) => each.completes),
  ]
  const values = options.filter(({ value }) => value !== undefined).map(valueCase)
  return `    ${quoted(pattern)})
      case $previous in
${[...values, '        *)'].join('\n')}
          case $current in
            -*) _headstart_words ${quoted(words.join(' '))} ;;
            *) ${action(merged(places))} ;;
          esac
          ;;
      esac
      ;;`
}

const valueCase = ({ names, value }: OptionDefinition): string =>
  `        ${names.join('|')}) ${action(value?.completes ?? 'nothing')} ;;`

/** Words before paths: where there are some, they are what is meant. */
function merged(places: readonly Completes[]): Completes {
  const words = places.flatMap((place) => (typeof place === 'string' ? [] : place))
  if (words.length > 0) return words
  return places.includes('path') ? 'path' : 'nothing'
}

function action(completes: Completes): string {
  if (completes === 'nothing') return ':'
  return completes === 'path' ? '_headstart_paths' : `_headstart_words ${quoted(completes.join(' '))}`
}
