/** One at a time in a folder: in one process and in many, whoever they are and wherever they run, and never for ever. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withFolderLock } from '../../../system/files/lock.ts'
import { markOf, ourselves } from '../../../system/process/owner.ts'
import { asNobody, NOBODY } from '../../support/nobody.ts'

const HOLDER = fileURLToPath(new URL('./lock-holder.ts', import.meta.url))
let folder: string

beforeEach(async () => {
  folder = await mkdtemp('/var/tmp/hs-lock-')
})

afterEach(() => rm(folder, { recursive: true }))

/** A process that has the lock, run by another program where one is named. */
async function holder(under: readonly string[] = []) {
  const [program = '', ...args] = [...under, process.execPath, HOLDER, folder]
  const child = spawn(program, args, { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) expect(line).toBe('held')
  return {
    async end(signal?: NodeJS.Signals) {
      const ended = once(child, 'exit')
      if (signal) child.kill(signal)
      else child.stdin.end()
      await ended
    },
  }
}

test('twenty in one process have it in turn', async () => {
  let inside = 0
  const most: number[] = []
  await Promise.all(
    Array.from({ length: 20 }, () =>
      withFolderLock(folder, async () => {
        most.push(++inside)
        await new Promise(setImmediate)
        inside--
      }),
    ),
  )
  expect(most).toEqual(Array.from({ length: 20 }, () => 1))
  expect(await readdir(folder)).toEqual([])
})

test('processes count to a hundred together and lose nothing', async () => {
  await writeFile(join(folder, 'count'), '0')
  const counters = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, [HOLDER, folder, '25'], { stdio: 'inherit' })
    return once(child, 'exit')
  })
  expect(await Promise.all(counters)).toEqual([...counters].map(() => [0, null]))
  expect(await readFile(join(folder, 'count'), 'utf8')).toBe('100')
  expect(await readdir(folder)).toEqual(['count'])
})

test.each<[string, readonly string[]]>([
  ['a process', []],
  ['one in another network namespace', ['unshare', '--net']],
  ['one of another user', ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']],
])('%s that has it is waited for, said after a moment, and no longer than the limit', async (_, under) => {
  await chmod(folder, 0o777)
  const other = await holder(under)
  const said: string[] = []
  const locked = withFolderLock(folder, async () => {}, { limitMs: 1200, onWait: (text) => said.push(text) })
  await expect(locked).rejects.toMatchObject({
    code: 'E_LOCKED',
    message: expect.stringMatching(/ is locked: process \d+ has been using it for \d+ s$/),
    hint: expect.stringContaining(`remove ${folder}/.lock.headstart-`),
  })
  expect(said).toEqual([expect.stringMatching(/^waiting for .*, which process \d+ is using$/)])
  const taken = withFolderLock(folder, async () => 'ours')
  await other.end()
  expect(await taken).toBe('ours')
  expect(await readdir(folder)).toEqual([])
})

test('one that was killed with it is not waited for', async () => {
  await (await holder()).end('SIGKILL')
  expect(await readdir(folder)).toHaveLength(1)
  expect(await withFolderLock(folder, async () => 'ours', { limitMs: 0 })).toBe('ours')
  expect(await readdir(folder)).toEqual([])
})

test('work that fails, and waiting that is given up, leave nothing', async () => {
  const failing = withFolderLock(folder, async () => {
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  const abort = new AbortController()
  await withFolderLock(folder, async () => {
    const waiting = withFolderLock(folder, async () => {}, { signal: abort.signal })
    abort.abort()
    await expect(waiting).rejects.toThrow(/abort/)
  })
  expect(await readdir(folder)).toEqual([])
})

test('who may not write to the folder can’t lock it', async () => {
  // What anybody could take while the lock was a name in the abstract namespace.
  await chmod(folder, 0o755)
  const name = `.lock.headstart-${markOf(await ourselves())}-0123456789ab`
  await expect(asNobody(`touch ${folder}/${name}`)).rejects.toThrow(/denied/)
  expect(await withFolderLock(folder, async () => 'ours', { limitMs: 0 })).toBe('ours')
})
