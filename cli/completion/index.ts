/** The shells that `headstart completion` knows. */
import type { CommandDefinition } from '../definition.ts'
import { bashCompletion } from './bash.ts'
import { fishCompletion } from './fish.ts'
import { zshCompletion } from './zsh.ts'

export type ShellName = 'bash' | 'zsh' | 'fish'

/** @returns a script for the shell, without a line at its end that is not ended */
export const shells = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
} satisfies Record<ShellName, (program: CommandDefinition) => string>
