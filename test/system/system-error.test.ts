/** What the system refused is said in words, from the real errors of real calls. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort, serve } from '../../scripts/support/serve.ts'
import { messageOf } from '../../system/errors.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/hs-words-')
  await writeFile(join(folder, 'file'), '')
  await mkdir(join(folder, 'sub'))
})

afterAll(() => rm(folder, { recursive: true }))

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing was refused',
    (error: unknown) => messageOf(error),
  )

test('of files, with the path', async () => {
  expect(await refusal(readFile('/nowhere/at/all'))).toBe('no such file or folder: /nowhere/at/all')
  expect(await refusal(readFile(join(folder, 'file/below')))).toBe(`not a folder: ${folder}/file/below`)
  expect(await refusal(readFile(join(folder, 'sub')))).toBe('it is a folder')
  expect(await refusal(rm(join(folder, 'sub')))).toContain(folder)
})

test('a full disk', async () => {
  await using full = await open('/dev/full', 'w')
  expect(await refusal(full.writeFile('text'))).toBe('no space is left on the disk')
})

test('of connections, with the address', async () => {
  await using listening = await serve(createServer())
  const second = createServer().listen(listening.port, '127.0.0.1')
  expect(await refusal(new Promise((_, reject) => second.once('error', reject)))).toBe(
    `the address is in use: ${listening.host}`,
  )
  const port = await freePort()
  const socket = connect(port, '127.0.0.1')
  expect(await refusal(new Promise((_, reject) => socket.once('error', reject)))).toBe(
    `nothing is listening: 127.0.0.1:${port}`,
  )
})

test('of several addresses at once, whose error has no message', async () => {
  const first = Object.assign(new Error('connect ECONNREFUSED ::1:5000'), {
    errno: -111,
    code: 'ECONNREFUSED',
    syscall: 'connect',
    address: '::1',
    port: 5000,
  })
  expect(messageOf(new AggregateError([first, first]))).toBe('nothing is listening: ::1:5000')
})

test('what is not of the system stays as it is, also a program that failed', async () => {
  expect(messageOf(new Error('ENOENT: in a sentence'))).toBe('ENOENT: in a sentence')
  expect(await refusal(promisify(execFile)('false'))).toMatch(/^Command failed: false/)
})
