/** What a killed run's daemons left is ended, and nothing else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sweep } from '../../../tracer/cleanup.ts'
import { findOrphans } from '../../../tracer/container/orphans.ts'
import { NOBODY } from '../../support/nobody.ts'

test('those that name a dead run’s folder, with all that they started', () => {
  const processes = [
    { pid: 1, parent: 0, args: ['init'] },
    {
      pid: 20,
      parent: 1,
      args: ['containerd-shim', '-address', '/var/tmp/headstart-7-ab/containerd/c.sock'],
    },
    { pid: 30, parent: 20, args: ['python3', 'app.py'] },
    { pid: 31, parent: 30, args: ['worker'] },
    {
      pid: 40,
      parent: 1,
      args: ['containerd-shim', '-address', '/var/tmp/headstart-8-cd/containerd/c.sock'],
    },
    { pid: 50, parent: 1, args: ['less', '/var/tmp/headstart-7-abc'] },
    { pid: 51, parent: 1, args: ['sh', '-c', 'grep x /var/tmp/headstart-7-ab/log'] },
    { pid: 52, parent: 1, args: ['find', '/backup/var/tmp/headstart-7-ab/log'] },
    { pid: 53, parent: 1, uid: 1000, args: ['less', '/var/tmp/headstart-7-ab/log'] },
    { pid: 60, parent: 1, args: ['stargz', '--address=/var/tmp/headstart-7-ab/s.sock'] },
    { pid: 61, parent: 1, args: ['dockerd', '--host', 'unix:///var/tmp/headstart-7-ab/d.sock'] },
  ].map((each) => ({ uid: each.pid === 31 ? 1000 : 0, ...each }))
  expect(findOrphans(processes, '/var/tmp/headstart-7-ab', 0)).toEqual([20, 60, 61, 30, 31])
  expect(findOrphans(processes, '/var/tmp/headstart-9-ef', 0)).toEqual([])
})

test('sweeping ends a real one before its workspace goes, and nobody else’s', async () => {
  const root = await mkdtemp('/var/tmp/tracer-test-')
  const before = process.env.HEADSTART_TMPDIR
  process.env.HEADSTART_TMPDIR = root
  try {
    const folder = join(root, 'headstart-4194305-deadbeef') // no process has so high a number
    await mkdir(folder, { mode: 0o700 })
    const left = spawn('sh', ['-c', 'sleep 60', `${folder}/daemon`], { stdio: 'ignore' })
    await once(left, 'spawn')
    const theirs = spawn('sh', ['-c', 'sleep 60', `${folder}/daemon`], { stdio: 'ignore', uid: NOBODY })
    await once(theirs, 'spawn')
    const ended = once(left, 'exit')
    expect((await sweep()).map((one) => one.folder)).toContain(folder)
    const [, signal]: unknown[] = await ended
    expect(signal).toBe('SIGKILL')
    const theirEnd = once(theirs, 'exit')
    theirs.kill('SIGTERM')
    expect(await theirEnd).toEqual([null, 'SIGTERM'])
    expect((await sweep()).map((one) => one.folder)).not.toContain(folder)
  } finally {
    if (before === undefined) delete process.env.HEADSTART_TMPDIR
    else process.env.HEADSTART_TMPDIR = before
    await rm(root, { recursive: true })
  }
})
