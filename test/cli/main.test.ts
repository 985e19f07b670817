/** What ends the command in ways that no command foresees. */
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { listenForInterrupts } from '../../cli/interrupt.ts'
import { createProgram } from '../../cli/main.ts'
import { tryCommand } from '../../system/process/command.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

test('a failure that nobody waits for is one line, not a stack trace', async () => {
  const program = `
    import { main } from ${JSON.stringify(MAIN)}
    setTimeout(() => Promise.reject(new Error('stray')), 1)
    await main(['doctor'])`
  const { status, stderr } = await tryCommand(process.execPath, ['--input-type=module', '-e', program])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^headstart: unexpected error: stray\n {2}Please report it/m)
  expect(stderr).not.toMatch(/^ +at /m)
})

test('every help fits a terminal of 80 columns', async () => {
  using interrupts = listenForInterrupts()
  const lines: string[] = []
  const read = (command: Command): void => {
    command.configureOutput({
      getOutHelpWidth: () => 80,
      writeOut: (text) => void lines.push(...text.split('\n')),
    })
    command.outputHelp()
    command.commands.forEach(read)
  }
  // The general help is made before any command is loaded.
  read(await createProgram(interrupts, () => false))
  ;(await createProgram(interrupts)).commands.forEach(read)
  expect(lines.length).toBeGreaterThan(400)
  expect(lines.filter((line) => line.length > 80)).toEqual([])
})
