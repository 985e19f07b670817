/** Nothing that comes from an image, a file or a command line acts on the terminal, looks like a line of ours, or commands a CI system. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { WriteStream } from 'node:tty'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createOutput } from '../../../cli/print/output.ts'
import { conclude } from '../../../report/bench/conclusion.ts'
import { toJson } from '../../../report/bench/formats/json.ts'
import { toJunit } from '../../../report/bench/formats/junit.ts'
import { toMarkdown } from '../../../report/bench/formats/markdown.ts'
import { toText } from '../../../report/bench/formats/text.ts'
import { visible } from '../../../system/text/visible.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { busyboxImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'
import { benchOf, traceOf } from '../material.ts'

/** Clears the screen, colours, ends the line, C1, right to left, unseen, a separator, deletes. */
const HOSTILE = 'x\u001b[2J\u001b]0;t\u0007\nheadstart: y\r\u009b31m\u202e\u2066\u200f\u061c\u2028\u007f'
const COMMAND = '::set-output name=x::y'

/** What a terminal or a reader would obey, but for the ends of our own lines. */
const ACTIVE = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u

function expectInert(text: string): void {
  expect(text).not.toMatch(ACTIVE)
  expect(text.split('\n').filter((line) => /^headstart: y|^\s*::/.test(line))).toEqual([])
}

describe('one place makes text visible', () => {
  test('in a form that JSON and shells read back', () => {
    expect(visible('a\n\t\u001b\u009b\u202e\u{e0041}\ud800é漢😀')).toBe(
      'a\\n\\t\\u001b\\u009b\\u202e\\udb40\\udc41\\ud800é漢😀',
    )
    const value = { path: `${HOSTILE}##[error]` }
    const { text, output } = capture()
    output.result(JSON.stringify(value))
    expectInert(text())
    expect(JSON.parse(text())).toEqual(value)
  })

  test('for every line, whatever prints it', () => {
    const { text, output } = capture()
    output.result(HOSTILE)
    output.result([HOSTILE, COMMAND, `  ${COMMAND}`, 'a ##[add-path]x ##vso[task.setvariable]y'])
    output.note(HOSTILE)
    output.warn(HOSTILE)
    expectInert(text().replace('\u001b[33mwarning: \u001b[39m', 'warning: ')) // our own colour, where the tests have some
    expect(text()).not.toMatch(/##\[|##vso/)
    expect(text().trimEnd().split('\n')).toHaveLength(7)
    expect(text()).toContain('x\\u001b[2J\\u001b]0;t\\u0007\\nheadstart: y\\r\\u009b31m\\u202e\\u2066')
  })

  test('what a container prints is passed on as it is', () => {
    const { text, output } = capture()
    output.passThrough(Buffer.from(HOSTILE))
    expect(text()).toBe(HOSTILE)
  })
})

/** An output into memory, both streams in one. */
function capture({ isTTY = true, debug = false } = {}) {
  let all = ''
  const stream = Object.setPrototypeOf(new PassThrough(), WriteStream.prototype)
  stream.isTTY = isTTY
  stream.write = (chunk: string | Buffer) => {
    all += chunk.toString()
    return true
  }
  return { text: () => all, output: createOutput({ quiet: false, json: false, debug }, stream, stream) }
}

test('a detail is a line for those who asked for it', () => {
  const said = (debug: boolean) => {
    const { text, output } = capture({ debug })
    output.detail(HOSTILE)
    return text()
  }
  expect(said(false)).toBe('')
  expect(said(true)).toMatch(/^x\\u001b/)
  expectInert(said(true))
})

test('progress in a log is a line at the beginning, and seldom after that', () => {
  const { text, output } = capture({ isTTY: false })
  output.progress(() => 'one', { now: true })
  output.progress(() => 'two')
  expect(text()).toBe('one\n')
})

test('every format of a measurement keeps names in their places', () => {
  const bench = { ...benchOf('sha256:x'), readiness: `${HOSTILE}|<b>@a&lt;` }
  const conclusion = conclude(bench)
  for (const format of [toText, toJson, toMarkdown, toJunit]) {
    const { text, output } = capture()
    output.result(format(conclusion).trimEnd().split('\n'))
    expectInert(text())
    expect(text().split('\n').length).toBe(
      format(conclude({ ...bench, readiness: 'z' }))
        .trimEnd()
        .split('\n').length + 1,
    )
  }
  expect(toMarkdown(conclusion)).toContain('\\|&lt;b\\>\\@a&amp;lt;')
  expect(JSON.parse(toJson(conclusion)).readiness).toBe(bench.readiness)
})

describe('commands', () => {
  let box: Sandbox
  let image: string

  beforeAll(async () => {
    box = await sandbox()
    image = await busyboxImage(join(box.folder, 'image'), {
      command: "printf 'bye \\033[2J\\302\\233\\n'; exit 3",
      app: [file(`${HOSTILE.replace(/\//g, '')}`, 'x'), file('::set-output name=x::y', 'y')],
    })
    const touched = [HOSTILE, COMMAND].map((path) => ({
      path: `${path}/a`,
      type: 'reg' as const,
      size: 9,
      order: 0,
      firstOpenMs: 0,
      firstReadMs: 0,
      opens: 1,
      ranges: [[0, 1]] as [number, number][],
      laterRanges: [],
      afterReady: false,
    }))
    const trace = traceOf(touched, `sha256:${'a'.repeat(64)}`)
    const hostile = { ...trace, image: { ...trace.image, reference: HOSTILE, platform: HOSTILE } }
    await writeFile(join(box.folder, 'trace.json'), JSON.stringify(hostile))
    await writeFile(join(box.folder, 'other.json'), JSON.stringify({ ...trace, files: [] }))
  })
  afterAll(() => box[Symbol.asyncDispose]())

  test.each([
    ['inspect', ['inspect', '--files', 'IMAGE']],
    ['inspect as JSON', ['inspect', '--files', '--json', 'IMAGE']],
    ['trace show', ['trace', 'show', 'trace.json']],
    ['trace show as JSON', ['trace', 'show', '--json', 'trace.json']],
    ['trace diff', ['trace', 'diff', 'other.json', 'trace.json']],
    ['optimize', ['optimize', '--explain', '--trace', 'trace.json', 'IMAGE', 'oci:out:latest']],
    ['an argument that is none', [HOSTILE]],
    ['a flag that is none', ['inspect', `--${HOSTILE}`]],
    ['a value that is none', ['profile', 'IMAGE', '--timeout', HOSTILE]],
    ['a choice that is none', ['profile', 'IMAGE', '--engine', HOSTILE]],
    ['a file that is none', ['trace', 'show', HOSTILE]],
    ['an image that is none', ['inspect', HOSTILE]],
    ['an option of the container', ['profile', 'IMAGE', '-v', HOSTILE]],
    ['a program that is none', ['profile', 'IMAGE', '--engine', 'runc', '--', HOSTILE]],
    ['details', ['--debug', 'inspect', HOSTILE]],
  ])('%s', async (_, args) => {
    const { stdout, stderr } = await box.run(args.map((arg) => (arg === 'IMAGE' ? image : arg)))
    expect(stdout + stderr).not.toBe('')
    expectInert(stdout)
    expectInert(stderr)
    if (args.includes('--json')) JSON.parse(stdout)
  })

  test('last words of a container', async () => {
    const args = ['profile', image, '--engine', 'runc', '--ready-log', 'never', '--network', 'none']
    const { stderr } = await box.run(['-q', ...args])
    expect(stderr).toMatch(/^headstart: .*it wrote: bye\n/)
    expectInert(stderr)
  })

  test.each([
    ['TERM', { NO_COLOR: '', TERM: 'dumb' }],
    ['NO_COLOR', { NO_COLOR: '1', TERM: 'xterm' }],
  ])('no escapes of ours on a terminal that can’t take them: %s', async (_, env) => {
    const said = await onTerminal(['verify', 'IMAGE'], env)
    expect(said).toContain('headstart: ')
    expect(said.replaceAll('\r', '')).not.toMatch(ACTIVE)
  })

  test('colours on a terminal that can', async () => {
    expect(await onTerminal(['verify', 'IMAGE'], { NO_COLOR: '', TERM: 'xterm-256color' })).toContain(
      '\u001b[31mheadstart: \u001b[39m',
    )
  })

  test('a result that nobody reads, or that has nowhere to go, is no fault of ours', async () => {
    for (const redirect of ['>&-', '2>&-', '>&- 2>&-', '| true', '2>&1 | true']) {
      const { stderr } = await box.run(['inspect', '--files', image], {
        under: ['sh', '-c', `"$0" "$@" ${redirect}`],
      })
      expect(stderr, redirect).not.toMatch(/unexpected error|\n\s+at /)
    }
  })

  async function onTerminal(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
    const { stdout } = await box.run(
      args.map((arg) => (arg === 'IMAGE' ? image : arg)),
      { env, under: ['sh', '-c', 'unset CI; exec script -qec "$(printf "\'%s\' " "$0" "$@")" /dev/null'] },
    )
    return stdout
  }
})
