/** A program that isn't installed: it is said in a line, before anything is pulled or recorded, and nothing hangs or stays behind. */
import { mkdir, readdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../scripts/support/until.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxImage } from '../support/images.ts'

let box: Sandbox
let image: string
const start = ['--network', 'none', '--ready-log', '^served']

beforeAll(async () => {
  box = await sandbox()
  image = await busyboxImage(join(box.folder, 'image'), { command: 'echo served; sleep 600' })
  await mkdir(`${box.folder}/mnt`)
})
afterAll(() => box[Symbol.asyncDispose]())

/** A folder with all programs of this machine but one. */
async function programsWithout(missing: string): Promise<string> {
  const folder = `${box.folder}/without-${missing}`
  await mkdir(folder)
  const places = new Set((process.env.PATH ?? '').split(':'))
  for (const place of places)
    for (const name of await readdir(place).catch(() => []))
      if (name !== missing) await symlink(join(place, name), join(folder, name)).catch(() => {}) // an earlier place has it
  return folder
}

test('bench without runc ends before it prepares an image', async () => {
  const PATH = await programsWithout('runc')
  const { status, stderr } = await box.run(['bench', image, image, '--arms', 'legacy', ...start], {
    env: { PATH },
  })
  expect(stderr).toMatch(
    /^\d+ samples of [^\n]*\nheadstart: no container engine is available: runc is not installed\n {2}Start Docker, or install runc\n$/,
  )
  expect(status).toBe(1)
  expect(await box.leftovers()).toEqual([])
})

describe.each(['mount', 'umount'])('without %s', (program) => {
  let PATH: string
  beforeAll(async () => {
    PATH = await programsWithout(program)
  })

  test.each([
    ['profile', (of: string) => ['profile', of, '--engine', 'runc', ...start]],
    ['profile', (of: string) => ['profile', of, '--engine', 'runc', '--fuse', 'kernel', ...start]],
    ['optimize', (of: string) => ['optimize', of, 'oci:none', '--engine', 'runc', ...start]],
    ['bench', (of: string) => ['bench', of, of, '--arms', 'legacy', ...start]],
    ['mount', (of: string) => ['mount', of, 'mnt']],
  ])('%s ends with a line', async (_, args) => {
    const { status, stderr } = await box.run(args(image), { env: { PATH } })
    const said = stderr.replace(/^\d+ samples of .*\n/, '')
    expect(said).toBe(`headstart: ${program} is not installed\n  Install ${program}, or put it on the PATH\n`)
    expect(status).toBe(1)
    expect(await box.leftovers()).toEqual([])
  })
})

test('umount that goes away while a start is recorded is told, and nothing waits for the mount for ever', async () => {
  const PATH = await programsWithout('umount-not')
  const args = ['profile', image, '--engine', 'runc', '--network', 'none', '--until-interrupt']
  const { status, stderr } = await box.run(args, {
    env: { PATH },
    meanwhile: async (child) => {
      await until('it started', () => child.stderr().includes('served'))
      await rm(`${PATH}/umount`)
      child.kill('SIGINT')
    },
  })
  expect(stderr).toMatch(/^headstart: umount is not installed$/m)
  expect(stderr).not.toContain('suppressed')
  expect(status).toBe(1)
})
