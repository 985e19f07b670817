/** The man pages, as `man` and groff read them: without a complaint, and with what the help says. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { definitionOf } from '../../cli/definition.ts'
import { listenForInterrupts } from '../../cli/interrupt.ts'
import { createProgram } from '../../cli/main.ts'
import { manPages } from '../../cli/man.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { tryCommand } from '../../system/process/command.ts'

let folder: string
let files: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-man-'))
  using interrupts = listenForInterrupts()
  const program = definitionOf(await createProgram(interrupts))
  const pages = manPages(program, '1.2.3')
  files = pages.map(({ file }) => file)
  for (const { file, text } of pages) await writeFile(join(folder, file), text)
})
afterAll(() => rm(folder, { recursive: true }))

test('one for the program, one for each command', () => {
  expect(files).toContain('headstart.1')
  expect(files).toContain('headstart-optimize.1')
  expect(files).toContain('headstart-trace.1')
})

test('the package names them all, so that npm links them to where man looks', () => {
  expect(files.map((file) => `man/${file}`).sort()).toEqual([...packageJson.man].sort())
})

test('groff has nothing to complain about', async () => {
  for (const file of files) {
    const { status, stderr } = await tryCommand('groff', ['-man', '-Tutf8', '-ww', '-z', join(folder, file)])
    expect({ file, status, stderr }).toEqual({ file, status: 0, stderr: '' })
  }
})

test('man shows what the help shows', async () => {
  const shown = async (file: string) =>
    (await tryCommand('man', ['-P', 'cat', '-E', 'ascii', '-l', join(folder, file)])).stdout.replace(
      /\s+/g,
      ' ',
    )
  const bench = await shown('headstart-bench.1')
  expect(bench).toContain('headstart-bench - Measure pull and start:')
  expect(bench).toContain('headstart bench [options] <original> <optimized> [command...]')
  expect(bench).toContain('-n, --samples <count> samples per arm (default: 5)')
  expect(bench).toContain('choices: text, json, markdown, junit, benchmark-action')
  expect(bench).toContain('The link')
  const trace = await shown('headstart-trace.1')
  expect(trace).toContain('headstart trace show [options] <trace> [image]')
  expect(trace).toContain('headstart trace merge [options] <traces...>')
  expect(await shown('headstart.1')).toContain('EXIT STATUS 0 Done.')
  const run = await shown('headstart-run.1')
  expect(run).toContain('NOTES Examples: a server in the background')
  expect(run).toContain("Exit status: the container's, 128 + N")
})

test('no line of a text is a request of roff', async () => {
  const text = await readFile(join(folder, 'headstart-profile.1'), 'utf8')
  const requests = text.split('\n').filter((line) => /^[.']/.test(line))
  expect(requests.filter((line) => !/^\.(TH|SH|SS|TP|B|RI|br)( |$)/.test(line))).toEqual([])
})
