/** Whether a template's commands are ones that headstart has. */
import { expect } from 'vitest'
import { type CommandDefinition, definitionOf } from '../../cli/definition.ts'
import { listenForInterrupts } from '../../cli/interrupt.ts'
import { createProgram } from '../../cli/main.ts'

export async function commandLine(): Promise<CommandDefinition> {
  using interrupts = listenForInterrupts()
  return definitionOf(await createProgram(interrupts))
}

/** Every flag is one of the command's. */
export function expectKnown(program: CommandDefinition, [name, below, ...args]: readonly string[]): void {
  const command = program.commands
    .find((each) => each.name === name)
    ?.commands.find((each) => each.name === below)
  const known = command?.options.flatMap((option) => option.names) ?? []
  const flags = args.filter((arg) => arg.startsWith('-')).map((arg) => arg.split('=')[0])
  expect(known, `${name} ${below}`).toEqual(expect.arrayContaining(flags))
}
