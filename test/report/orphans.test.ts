/** What a killed run's daemons left is ended, and nothing else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { endOrphans, findOrphans } from '../../report/bench/orphans.ts'

test('those that name a dead run’s folder, with all that they started', () => {
  const processes = [
    { pid: 1, parent: 0, command: 'init' },
    { pid: 20, parent: 1, command: 'containerd-shim -address /var/tmp/headstart-7-ab/containerd/c.sock' },
    { pid: 30, parent: 20, command: 'python3 app.py' },
    { pid: 31, parent: 30, command: 'worker' },
    { pid: 40, parent: 1, command: 'containerd-shim -address /var/tmp/headstart-8-cd/containerd/c.sock' },
    { pid: 50, parent: 1, command: 'less /var/tmp/headstart-7-abc' },
  ]
  expect(findOrphans(processes, ['/var/tmp/headstart-7-ab'])).toEqual([20, 30, 31])
  expect(findOrphans(processes, [])).toEqual([])
})

test('a real one is ended', async () => {
  const root = await mkdtemp('/var/tmp/report-test-')
  const before = process.env.HEADSTART_TMPDIR
  process.env.HEADSTART_TMPDIR = root
  try {
    const folder = join(root, 'headstart-4194305-deadbeef') // no process has so high a number
    await mkdir(folder)
    const left = spawn('sh', ['-c', 'sleep 60', `${folder}/daemon`], { stdio: 'ignore' })
    await once(left, 'spawn')
    const ended = once(left, 'exit')
    expect(await endOrphans()).toBeGreaterThan(0)
    const [, signal]: unknown[] = await ended
    expect(signal).toBe('SIGKILL')
    expect(await endOrphans()).toBe(0)
  } finally {
    if (before === undefined) delete process.env.HEADSTART_TMPDIR
    else process.env.HEADSTART_TMPDIR = before
    await rm(root, { recursive: true })
  }
})
