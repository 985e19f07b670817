/** `headstart completion SHELL`: a script that lets the shell complete commands, options and their values. */
import { Argument, type Command } from 'commander'
import { type ShellName, shells } from '../completion/index.ts'
import type { CliContext } from '../context.ts'
import { definitionOf } from '../definition.ts'

const HOW = `
  headstart completion bash >/usr/share/bash-completion/completions/headstart
  headstart completion zsh  >/usr/local/share/zsh/site-functions/_headstart
  headstart completion fish >~/.config/fish/completions/headstart.fish`

export function register(command: Command, context: CliContext): void {
  command
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(shells)))
    .addHelpText('after', HOW)
    .action(async (shell: ShellName) => {
      const script = shells[shell](definitionOf(await context.program()))
      context.output().result(script.trimEnd().split('\n'))
    })
}
