/** Man pages, in roff: one for the program, and one for each command. Pure. */
import type { ArgumentDefinition, CommandDefinition, OptionDefinition } from './definition.ts'

export interface ManPage {
  /** `headstart-trace.1` */
  readonly file: string
  readonly text: string
}

export function manPages(program: CommandDefinition, version: string): ManPage[] {
  const page = (command: CommandDefinition, name: string, sections: readonly string[]): ManPage => ({
    file: `${name}.1`,
    text: [
      title(name, version),
      ...section('NAME', [`${roff(name)} \\- ${roff(command.summary)}`]),
      ...sections,
      '',
    ].join('\n'),
  })
  return [
    page(program, program.name, programSections(program)),
    ...program.commands.map((each) =>
      page(each, `${program.name}-${each.name}`, commandSections(each, `${program.name} ${each.name}`)),
    ),
  ]
}

const title = (name: string, version: string): string =>
  `.TH "${roff(name.toUpperCase())}" "1" "" "headstart ${roff(version)}" "headstart"`

function programSections({ commands, options, name, notes }: CommandDefinition): string[] {
  return [
    ...section('SYNOPSIS', [`.B ${name}`, '.I command', '.RI [ options ]']),
    ...section(
      'COMMANDS',
      commands.flatMap((each) => entry(bold(each.name), `${each.summary}.`)),
    ),
    ...section('OPTIONS', options.flatMap(optionEntry)),
    ...section(
      'EXIT STATUS',
      STATUS.flatMap(([status, text]) => entry(bold(status), text)),
    ),
    ...notesSection(notes),
    ...section('SEE ALSO', [commands.map((each) => `${bold(`${name}-${each.name}`)}(1)`).join(',\n')]),
  ]
}

const STATUS = [
  ['0', 'Done.'],
  ['1', 'Failed: one line says what, where, and what to do.'],
  ['2', 'A wrong command line.'],
  ['3', 'A limit was exceeded.'],
  ['4', 'No profile is there, or it covers too little.'],
  ['5', 'The tag names a newer image by now.'],
  [
    '125, 126, 127',
    "Of run, which otherwise ends as its container does: headstart or the engine failed; the program can't be run; it isn't there.",
  ],
  ['130, 143', 'Interrupted: what was mounted, started or written has been removed.'],
] as const

function commandSections(command: CommandDefinition, name: string): string[] {
  const synopses =
    command.commands.length === 0
      ? [synopsis(command, name)]
      : command.commands.map((each) => synopsis(each, `${name} ${each.name}`))
  return [
    ...section(
      'SYNOPSIS',
      synopses.flatMap((lines, index) => (index === 0 ? lines : ['.br', ...lines])),
    ),
    ...(command.commands.length === 0
      ? details(command)
      : command.commands.flatMap((each) => [
          ...section(each.name.toUpperCase(), [`${roff(each.summary)}.`]),
          ...each.arguments.flatMap(argumentEntry),
          ...each.options.flatMap(optionEntry),
        ])),
    ...notesSection(command.notes),
    ...section('SEE ALSO', [`${bold('headstart')}(1)`]),
  ]
}

const synopsis = ({ arguments: given }: CommandDefinition, name: string): string[] => [
  `.B ${roff(name)}`,
  '.RI [ options ]',
  ...given.map(({ usage }) => roff(usage)),
]

/** Options under the headings that the help has. */
function details({ arguments: given, options }: CommandDefinition): string[] {
  const groups = Map.groupBy(options, ({ group }) => group)
  return [
    ...(given.length === 0 ? [] : section('ARGUMENTS', given.flatMap(argumentEntry))),
    ...section('OPTIONS', (groups.get('') ?? []).flatMap(optionEntry)),
    ...[...groups]
      .filter(([group]) => group !== '')
      .flatMap(([group, each]) => [`.SS ${roff(group)}`, ...each.flatMap(optionEntry)]),
  ]
}

/** As the help has them, line by line. */
const notesSection = (notes: readonly string[]): string[] =>
  notes.length === 0 ? [] : section('NOTES', ['.nf', ...notes.map(roff), '.fi'])

const section = (name: string, lines: readonly string[]): string[] => [`.SH ${name}`, ...lines]
const entry = (tag: string, text: string): string[] => ['.TP', tag, roff(text)]
const argumentEntry = ({ usage, text }: ArgumentDefinition): string[] => entry(bold(usage), text)
const optionEntry = ({ usage, text }: OptionDefinition): string[] => entry(bold(usage), text)
const bold = (text: string): string => `\\fB${roff(text)}\\fR`

/** A dash that can be copied, no escapes, no line that looks like a request, and ASCII alone. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&')
    .replace(
      /[^\n -~]/gu,
      (sign) => `\\[u${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
    )
