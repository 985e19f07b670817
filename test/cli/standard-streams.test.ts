/** The command's streams, terminal and signals are the container's, on both engines. */
import { readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../scripts/support/until.ts'
import { runCommand } from '../../system/process/command.ts'
import { file } from '../support/tar.ts'
import { type RunBox, runBox } from './run-box.ts'

let around: RunBox
beforeAll(async () => {
  around = await runBox([file('bin/dialogue', DIALOGUE, { mode: 0o755 })])
})
afterAll(() => around[Symbol.asyncDispose]())

/**
 * An engine may give the terminal its size when the program runs already. Until then BusyBox’s stty prints none, and succeeds. Debian’s sets first
 * the rows and then the columns.
 */
const DIALOGUE = `#!/bin/sh
echo on $(tty)
until size=$(stty size 2>/dev/null) && [ "$size" ]; do sleep 0.05; done
echo $size
read line
trap 'echo interrupted' INT
trap 'size=$(stty size); if [ "$size" = "44 88" ]; then echo now $size; exit 9; fi' WINCH
echo "got $line"
while :; do sleep 0.05; done
`

/** Says of each signal that it came, until it is asked to end. */
const LISTENING = `
  trap "exit 5" TERM
  for each in HUP INT QUIT USR1 USR2; do trap "echo $each" $each; done
  echo up
  while :; do sleep 0.05; done`

describe.each(['docker', 'runc'])('%s', (engine) => {
  const run = (args: readonly string[], choices?: Parameters<RunBox['run']>[1]) =>
    around.run(['--engine', engine, around.lazy, ...args], choices)

  test('signals go to the container, and its status comes back', async () => {
    const { status, stdout } = await run(['sh', '-c', LISTENING], {
      meanwhile: async (child) => {
        await until('it is up', () => child.stdout().includes('up'))
        // The container may have written before the command has noticed that it runs.
        await until('the command has noticed', () => child.stderr().includes('read lazily'))
        for (const name of ['HUP', 'INT', 'QUIT', 'USR1', 'USR2'] as const) {
          child.kill(`SIG${name}`)
          await until(`${name} arrives`, () => child.stdout().includes(`${name}\n`))
        }
        child.kill('SIGTERM')
      },
    })
    expect({ status, stdout }).toEqual({ status: 5, stdout: 'up\nHUP\nINT\nQUIT\nUSR1\nUSR2\n' })
    expect(await around.box.leftovers()).toEqual([])
  })

  test('the third Ctrl-C kills a container that doesn’t listen', async () => {
    const { status, stderr } = await run(
      ['sh', '-c', 'trap "echo no" INT; echo up; while :; do sleep 0.05; done'],
      {
        meanwhile: async (child) => {
          await until(
            'it is up',
            () => child.stdout().includes('up') && child.stderr().includes('read lazily'),
          )
          for (const count of [1, 2]) {
            child.kill('SIGINT')
            await until('it hears that', () => child.stdout().split('no').length > count)
          }
          child.kill('SIGINT')
        },
      },
    )
    expect(status, stderr).toBe(137)
    expect(await around.box.leftovers()).toEqual([])
  })

  test('Ctrl-C before the container runs ends the command', async () => {
    const { status, stderr, stdout } = await around.run(['--engine', engine, around.lazy, 'echo', 'ran'], {
      meanwhile: async (child) => child.kill('SIGINT'),
    })
    // It may come before the command listens, or after the container has begun.
    if (status !== null && stdout === '')
      expect({ status, stderr }).toEqual({ status: 130, stderr: 'headstart: interrupted\n' })
    expect(await around.box.leftovers()).toEqual([])
  })

  test('output is passed on byte by byte, also to a slow reader', async () => {
    const { status, stdout } = await around.box.run(
      [
        '-q',
        'run',
        '--no-cache',
        '--engine',
        engine,
        around.lazy,
        'sh',
        '-c',
        'head -c 3000000 /dev/zero; echo end >&2',
      ],
      { under: ['sh', '-c', '"$@" | (sleep 1; wc -c)', 'sh'] },
    )
    expect({ status, stdout: stdout.trim() }).toEqual({ status: 0, stdout: '3000000' })
  })

  test.each([
    ['a file', '<words', 'word\nend\n'],
    ['nothing', '</dev/null', 'end\n'],
  ])('input from %s', async (_name, redirection, expected) => {
    await writeFile(join(around.box.folder, 'words'), 'word\n')
    const command = ['run', '--no-cache', '-i', '--engine', engine, around.lazy, 'sh', '-c', 'cat; echo end']
    const outcome = await around.box.run(['-q', ...command], {
      under: ['sh', '-c', `"$@" ${redirection}`, 'sh'],
    })
    expect(outcome).toEqual({ status: 0, stdout: expected, stderr: '' })
  })

  test('a command that has ended doesn’t wait for the end of its input', async () => {
    const command = ['run', '--no-cache', '-i', '--engine', engine, around.lazy, 'echo', 'end']
    const { stdout } = await around.box.run(['-q', ...command], {
      // The first part ends when it writes to the second one, which is gone.
      under: ['sh', '-c', '(while sleep 0.1; do echo; done) | "$@"', 'sh'],
    })
    expect(stdout).toBe('end\n')
  })

  test('a container whose output nobody reads any more ends', async () => {
    const { stdout, stderr } = await around.box.run(
      ['-q', 'run', '--no-cache', '--engine', engine, around.lazy, 'sh', '-c', 'while :; do echo y; done'],
      { under: ['sh', '-c', '( "$@"; echo "status $?" >&2 ) | head -n 1', 'sh'] },
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'y\n', stderr: 'status 141\n' })
    expect(await around.box.leftovers()).toEqual([])
  })

  test('with -t -i the container is on the terminal, with its size, and what is typed is its own', async () => {
    const terminal = join(around.box.folder, `terminal-${engine}`)
    await using late = await lateEngine(join(around.box.folder, `${engine}.sock`))
    const command = ['run', '--no-cache', '-t', '-i', '--engine', engine, around.lazy, 'dialogue']
    const { status, stdout } = await around.box.run(['-q', ...command], {
      under: inTerminal(`tty >${terminal}; stty rows 33 cols 99`),
      env: { DOCKER_HOST: late.host },
      input: 'typed',
      meanwhile: async (child) => {
        const says = (text: string) => until(text, () => child.stdout().includes(text))
        await says('on /dev/pts/0')
        await says('33 99')
        child.type('something\n')
        await says('got something')
        child.type('\x03')
        await says('interrupted')
        late.answer()
        const ours = (await readFile(terminal, 'utf8')).trim()
        await runCommand('stty', ['-F', ours, 'rows', '44', 'cols', '88'])
      },
    })
    expect(stdout).toContain('now 44 88')
    expect(status).toBe(9)
    expect(await around.box.leftovers()).toEqual([])
  })
})

/** The engine, which answers what a container is only when it is told to: by then that has run for a while. */
async function lateEngine(socket: string) {
  const told = Promise.withResolvers<void>()
  const server = createServer((client) => {
    const engine = connect('/var/run/docker.sock')
    engine.on('error', () => client.destroy()).pipe(client)
    client.on('error', () => engine.destroy()).on('close', () => engine.destroy())
    client.on('data', async (bytes) => {
      if (/^GET \S*\/containers\/\w+\/json\b/.test(bytes.toString('latin1'))) await told.promise
      engine.write(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return {
    host: `unix://${socket}`,
    answer: () => told.resolve(),
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}

/** script(1) gives the command a terminal. */
const inTerminal = (before: string): string[] => ['sh', '-c', `script -qec "${before}; $*" /dev/null`, 'sh']
