/** The demo, on an image that is small: run again it shows what it has, and measures again when told to. */
import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { busyboxImage } from '../support/images.ts'
import { tempFolder } from '../support/temp.ts'

const DEMO = fileURLToPath(new URL('../../scripts/demo', import.meta.url))

test('a second run reuses what is there, --again does not', async () => {
  await using temp = await tempFolder()
  await busyboxImage(await temp.sub('webapp'), { command: 'echo Running on; sleep 60' })
  const env = { ...process.env, HEADSTART_DEMO: temp.path, HEADSTART_DEMO_SAMPLES: '1' }
  const demo = async (...args: string[]) => {
    const { stdout, stderr } = await promisify(execFile)(DEMO, args, { env })
    const steps = [...stderr.matchAll(/^\$ npx headstart (\w+)/gm)].map(([, name]) => name)
    return { steps, told: stdout.trimEnd().split('\n').slice(-3) }
  }
  const madeAt = async () => (await stat(join(temp.path, 'bench.json'))).mtimeMs

  const first = await demo()
  expect(first.steps).toEqual(['profile', 'optimize', 'verify', 'bench', 'report'])
  expect(first.told.at(-1)).toBe(`The report is ${temp.path}/report.html`)
  const measured = await madeAt()

  const second = await demo()
  expect(second.steps).toEqual(['report'])
  expect(second.told.at(-1)).toBe(
    'These figures are from an earlier run: scripts/demo --again measures again.',
  )
  expect(second.told[0]).toBe(first.told.at(-2))
  expect(await madeAt()).toBe(measured)

  expect((await demo('--again')).steps).toEqual(first.steps)
  expect(await madeAt()).toBeGreaterThan(measured)
  expect(await readFile(join(temp.path, 'report.html'), 'utf8')).toMatch(/^<!doctype html>/)
  await expect(demo('--fast')).rejects.toMatchObject({ code: 2 })
})
