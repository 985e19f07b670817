/** The command line in a report: reproducible, without secrets. */
import { expect, test } from 'vitest'
import { commandLine } from '../../../cli/print/command-line.ts'

test('a reproducible command holds no value of a variable and no password', () => {
  const args = [
    'bench',
    'a b',
    '-e',
    'TOKEN=secret',
    '--env=KEY=secret',
    '-eX=secret',
    '-e',
    'PLAIN',
    '--ready-http',
    'http://me:secret@localhost:80/?token=secret',
    '--ready-exec',
    'curl -u me:secret localhost',
    '--ready-exec=secret',
    '--',
    'serve',
    '--api-token',
    'secret',
    '--password=secret',
    'DB_PASSWORD=secret exec serve --quiet',
  ]
  const line = commandLine(args)
  expect(line).not.toContain('secret')
  expect(line).toBe(
    "headstart bench 'a b' -e TOKEN --env=KEY -eX -e PLAIN --ready-http 'http://***@localhost:80/?***' --ready-exec '***' '--ready-exec=***' -- serve --api-token '***' '--password=***' 'DB_PASSWORD=*** exec serve --quiet'",
  )
})
