/** Completion as the shells themselves do it: each is started on a terminal of its own, and asked with the tab key or its own command. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shells } from '../../../cli/completion/index.ts'
import { until } from '../../../scripts/support/until.ts'
import { runCommand } from '../../../system/process/command.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'

let box: Sandbox

beforeAll(async () => {
  box = await sandbox()
  await writeFile(join(box.folder, 'my trace.json'), '')
  for (const shell of Object.keys(shells)) {
    const { status, stdout, stderr } = await box.run(['completion', shell])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    await writeFile(join(box.folder, `_${shell}`), stdout)
  }
})

afterAll(() => box[Symbol.asyncDispose]())

/** What a person sees who types this into the shell, once all of `wanted` stands there. */
async function typed(shell: string, setUp: string, keys: string, wanted: readonly string[]): Promise<void> {
  // script(1) gives it a terminal.
  const child = spawn('script', ['-qfec', shell, '/dev/null'], {
    cwd: box.folder,
    env: { PATH: process.env.PATH, TERM: 'dumb', HOME: box.folder, LC_ALL: 'C.UTF-8' },
  })
  let seen = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text
  })
  const closed = once(child, 'close')
  try {
    child.stdin.write(`${setUp}; echo set-$((40 + 2))\n`)
    await until(`${shell} is set up`, async () => seen.includes('set-42'))
    const before = seen.length
    child.stdin.write(keys)
    await until(`${shell} shows ${wanted.join(', ')}`, async () =>
      wanted.every((word) => seen.slice(before).includes(word)),
    )
  } finally {
    child.kill('SIGKILL')
    await closed
  }
}

const INTERACTIVE = {
  bash: [
    'bash --norc --noprofile -i',
    'bind "set page-completions off"; bind "set completion-query-items 0"; . ./_bash',
  ],
  zsh: ['zsh -f -i', 'LISTMAX=0; autoload -U compinit; compinit -u -d ./dump; . ./_zsh'],
} as const

describe.each(Object.entries(INTERACTIVE))('%s, with the tab key', (_, [shell, setUp]) => {
  const see = (keys: string, ...wanted: readonly string[]) => typed(shell, setUp, keys, wanted)

  test('commands', () => see('headstart \t\t', 'optimize', 'profile', 'doctor', 'completion'))
  test('a command', () => see('headstart insp\t', 'inspect '))
  test('commands in a command', () => see('headstart trace \t\t', 'export', 'import', 'merge'))
  test('options', () => see('headstart trace import --\t\t', '--output', '--platform'))
  test('choices of an option', () => see('headstart bench --format \t\t', 'benchmark-action', 'junit'))
  test('choices of an argument', () => see('headstart completion \t\t', 'bash', 'zsh', 'fish'))
  test('files, with the signs that they need', () => see('headstart trace show my\t', 'my\\ trace.json'))
  test('files of an option', () => see('headstart optimize web:1 web:2 --trace my\t', 'my\\ trace.json'))
})

describe('fish', () => {
  const completed = async (line: string): Promise<string[]> => {
    const script = `cd ${box.folder}; source _fish; complete -C '${line}'`
    const output = await runCommand('fish', ['--no-config', '-c', script], {
      env: { ...process.env, HOME: box.folder },
    })
    return output.split('\n').map((each) => each.split('\t')[0] ?? '')
  }

  test.each<[string, readonly string[]]>([
    ['headstart ', ['optimize', 'profile', 'doctor', 'completion']],
    ['headstart insp', ['inspect']],
    ['headstart trace ', ['export', 'import', 'merge']],
    ['headstart trace import --', ['--output', '--platform']],
    ['headstart bench --format ', ['benchmark-action', 'junit']],
    ['headstart completion ', ['bash', 'zsh', 'fish']],
    ['headstart trace show my', ['my trace.json']],
    ['headstart optimize web:1 web:2 --trace my', ['my trace.json']],
  ])('%s', async (line, wanted) => {
    expect(await completed(line)).toEqual(expect.arrayContaining([...wanted]))
  })

  test('nothing where nobody can guess', async () => {
    expect(await completed('headstart bench --bandwidth ')).toEqual([''])
  })
})

test('another shell is a wrong command line', async () => {
  const { status, stderr } = await box.run(['completion', 'tcsh'])
  expect(stderr).toMatch(/Allowed choices are bash, zsh, fish/)
  expect(status).toBe(2)
})
