/** The command's entry: which Node runs it, and what it leaves on the machine. */
import { chmod, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../scripts/support/until.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxImage } from '../support/images.ts'

test('compiled code is not kept in the temporary folder, where anyone could plant it', async () => {
  await using box = await sandbox()
  const shared = `${box.folder}/shared`
  await mkdir(shared)
  await chmod(shared, 0o1777)
  // Tests have set the folder for it, which nobody else has.
  const env = { TMPDIR: shared, NODE_COMPILE_CACHE: '' }
  const { status, stderr } = await box.run(['--version'], { env })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(await readdir(shared)).toEqual([])
})

test('help says nothing of what is off unless it is given, and what the arms of a measurement are', async () => {
  await using box = await sandbox()
  const { stdout } = await box.run(['bench', '--help'])
  expect(stdout).not.toContain('default: false')
  expect(stdout).toMatch(/default: 5\)[\s\S]*^ {2}legacy +pulls all of the original first/m)
})

describe('an older Node, which hands over to the one of the node package', () => {
  let box: Sandbox
  let image: string

  beforeAll(async () => {
    box = await sandbox()
    image = await busyboxImage(join(box.folder, 'image'), { command: 'echo started; sleep 600' })
  })
  afterAll(() => box[Symbol.asyncDispose]())

  /** This Node, which takes itself for an old one; the one that it hands over to doesn't. */
  const older = [
    'sh',
    '-c',
    `node=$1; shift; exec "$node" --import "data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'18.0.0'}})" "$@"`,
    'sh',
  ]
  test('runs', async () => {
    const { status, stdout } = await box.run(['--version'], { under: older })
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('passes on %s when it alone gets it', async (signal, expected) => {
    const args = ['optimize', image, 'oci:none', '--engine', 'runc', '--period', '600s']
    const { status, stderr } = await box.run(args, {
      under: older,
      meanwhile: async (child) => {
        await until('it started', () => child.stderr().includes('started'))
        child.kill(signal)
      },
    })
    expect(status, stderr).toBe(expected)
    expect(stderr).toContain('headstart: interrupted')
    expect(await box.leftovers()).toEqual([])
  })

  test('Ctrl-C of a terminal, which both get, counts once: the trace is kept', async () => {
    const args = ['profile', image, '--engine', 'runc', '--until-interrupt']
    const { status, stderr } = await box.run(args, {
      under: ['setsid', ...older],
      meanwhile: async (child) => {
        await until('it started', () => child.stderr().includes('started'))
        child.killGroup('SIGINT')
      },
    })
    expect(status, stderr).toBe(0)
    expect(await readdir(box.folder)).toContain('trace.json')
  })
})
