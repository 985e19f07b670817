/** The mount's process that is started before its mount is known. */
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { until } from '../../../scripts/support/until.ts'
import { runCommand } from '../../../system/process/command.ts'
import { hasEnded } from '../../../system/process/owner.ts'
import { dropAhead, spawnAhead, takeAhead } from '../../../tracer/mount/spawn.ts'

afterEach(dropAhead)

test('it is taken once', async () => {
  expect(takeAhead()).toBeUndefined()
  spawnAhead()
  spawnAhead()
  const child = takeAhead()
  expect(child?.connected).toBe(true)
  expect(takeAhead()).toBeUndefined()
  const ended = child && once(child, 'exit')
  child?.disconnect()
  await ended
})

test('one that is dropped, or that nobody has asked for, ends and keeps nobody waiting', async () => {
  const spawn = new URL('../../../tracer/mount/spawn.ts', import.meta.url).href
  const pidOf = (then: string) => `
    const { spawnAhead, takeAhead, dropAhead } = await import('${spawn}')
    import('node:child_process').then(({ ChildProcess }) => {
      const { spawn } = ChildProcess.prototype
      ChildProcess.prototype.spawn = function (options) {
        const result = spawn.call(this, options)
        console.log(this.pid)
        return result
      }
      spawnAhead()
      ${then}
    })`
  for (const then of ['', 'dropAhead()']) {
    const pid = Number(await runCommand(process.execPath, ['--input-type=module', '-e', pidOf(then)]))
    expect(pid).toBeGreaterThan(1)
    await until('it has ended', () => hasEnded(pid))
  }
})
