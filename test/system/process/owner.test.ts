/** Whether a process is gone: with its number taken by another, seen from elsewhere, and where it can't be told. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readlink } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { HANG_MS } from '../../../scripts/support/until.ts'
import { runCommand } from '../../../system/process/command.ts'
import { isGone, MARK_PATTERN, markOf, ourselves, ownerFrom } from '../../../system/process/owner.ts'
import { NOBODY } from '../../support/nobody.ts'

const NO_PROCESS = 4194305

/** The machine's own pid namespace, wherever the test runs. */
const INITIAL = '4026531836'

test('a process that lives, one that is gone, and an earlier one of the same number', async () => {
  const us = await ourselves()
  expect(await isGone(us)).toBe(false)
  expect(await isGone({ ...us, pid: NO_PROCESS })).toBe(true)
  expect(await isGone({ ...us, started: '1' })).toBe(true)
  expect(await isGone({ ...us, boot: '00000000' })).toBe(true)
})

test('one that was killed and not waited for is gone', async () => {
  // The shell becomes a program that waits for nobody, while its child ends.
  const parent = spawn('sh', ['-c', 'sh -c "exit" & echo $!; exec sleep 60'])
  const pid = Number(await firstLine(parent.stdout))
  const us = await ourselves()
  await expect.poll(() => isGone({ ...us, pid }), { timeout: HANG_MS }).toBe(true)
  const ended = once(parent, 'exit')
  parent.kill('SIGKILL')
  await ended
})

test('of another pid namespace: gone only for who would see it', async () => {
  const us = await ourselves()
  const container = spawn('unshare', ['--pid', '--fork', '--kill-child', 'sh', '-c', 'readlink /proc/self/ns/pid; exec sleep 60']) // biome-ignore format: a line
  const there = await firstLine(container.stdout)
  expect(there).not.toBe(await readlink('/proc/self/ns/pid'))
  const owner = { ...us, pid: 1, namespace: /\d+/.exec(there)?.[0] ?? '' }
  const onTheMachine = { ...us, namespace: INITIAL }
  expect(await isGone(owner)).toBe(false)
  expect(await isGone(owner, onTheMachine)).toBe(false)
  expect(await isGone({ ...owner, namespace: '1' }, onTheMachine)).toBe(true)
  expect(await isGone({ ...owner, namespace: '1' }, { ...us, namespace: '2' })).toBe(false)
  const ended = once(container, 'exit')
  container.kill('SIGKILL')
  await ended
})

test('a process of another user is alive where /proc hides it, too', async () => {
  const module = new URL('../../../system/process/owner.ts', import.meta.url)
  const script = `
    const { isGone, ourselves } = await import(${JSON.stringify(module.href)})
    const { readdirSync } = await import('node:fs')
    const us = await ourselves()
    console.log(readdirSync('/proc').includes('${process.pid}'), await isGone({ ...us, pid: ${process.pid} }))`
  const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', process.execPath]
  const inside = [
    'mount -t proc -o hidepid=2 proc /proc',
    '&& exec',
    ...asNobody,
    '--input-type=module',
    '-e',
    '"$0"',
  ]
  const said = await runCommand('unshare', ['--mount', 'sh', '-c', inside.join(' '), script])
  expect(said).toBe('false false\n')
})

test('a mark says all of it', async () => {
  const us = await ourselves()
  expect(ownerFrom(new RegExp(`^${MARK_PATTERN}$`).exec(markOf(us))?.slice(1) ?? [])).toEqual(us)
})

async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stream })) return line
  return ''
}
