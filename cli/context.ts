/** What every command is handed: where to print, what interrupts it, and which version this is. */
import type { Command } from 'commander'
import type { Interrupts } from './interrupt.ts'
import type { Output } from './print/output.ts'

export interface CliContext {
  readonly interrupts: Interrupts
  readonly output: (json?: boolean) => Output
  readonly version: string
  /** how to run headstart again: a program and its first arguments */
  readonly headstart: readonly string[]
  /** the whole command line, with what every command takes */
  readonly program: () => Promise<Command>
}

/** Gives a command its arguments, options and action. */
export type Register = (command: Command, context: CliContext) => void
