/** Control groups are removed with what runs in them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../../../scripts/support/until.ts'
import { removeCgroups } from '../../../system/process/processes.ts'

const CGROUPS = '/sys/fs/cgroup'

test('a group within a group, as containerd makes them, and what runs in it', async () => {
  const id = `headstart-test-${process.pid}`
  const hierarchies = ['', ...(await readdir(CGROUPS))].map((name) => join(CGROUPS, name))
  const [place = ''] = hierarchies.filter((each) => existsSync(join(each, 'cgroup.procs')))
  const inner = join(place, id, 'inner')
  await mkdir(inner, { recursive: true })
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  await writeFile(join(inner, 'cgroup.procs'), String(child.pid))
  await removeCgroups(id)
  expect(await ended).toEqual([null, 'SIGKILL'])
  // What the kernel hasn't let go of within a second, the next command removes.
  await until('the groups are gone', async () => {
    await removeCgroups(id)
    return !existsSync(join(place, id))
  })
})
