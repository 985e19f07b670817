/** What ends the command in ways that no command foresees. */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
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
