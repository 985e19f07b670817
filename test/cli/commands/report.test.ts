/** `report`: an earlier measurement beside this one, and what can't be compared. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeMaterial } from '../../../scripts/support/material.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
  const { trace, bench } = makeMaterial({ files: 50 })
  const slower = bench.samples.map((sample) =>
    sample.arm === 'optimized'
      ? { ...sample, phases: { ...sample.phases, ready: sample.phases.ready * 9 } }
      : sample,
  )
  const other = { ...trace, image: { ...trace.image, digest: 'sha256:other', diffIds: ['sha256:other'] } }
  const files = {
    'trace.json': trace,
    'bench.json': bench,
    'old.json': { ...bench, samples: slower },
    'other.json': other,
  }
  for (const [name, value] of Object.entries(files))
    await writeFile(join(box.folder, name), JSON.stringify(value))
})
afterAll(() => box[Symbol.asyncDispose]())

describe('--against', () => {
  test('puts the earlier measurement beside this one', async () => {
    const args = ['report', 'trace.json', 'bench.json', '--against', 'old.json', '-o', 'both.html']
    const { status, stdout, stderr } = await box.run(args)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^written to both\.html/)
    const page = await readFile(join(box.folder, 'both.html'), 'utf8')
    const [section = ''] = /<section id="against"[\s\S]*?<\/section>/.exec(page) ?? []
    expect(section.match(/no difference/g)).toHaveLength(2)
    expect(section).toMatch(/\d\.\d×<\/data> faster/)
  })

  test.each([
    ['a trace alone', ['trace.json'], 'old.json', 2, /--against needs a measurement to compare/],
    ['two images', ['trace.json', 'bench.json', 'other.json'], 'old.json', 2, /--against compares one image/],
    ['a trace as the earlier measurement', ['bench.json'], 'trace.json', 1, /trace\.json is a trace, not/],
    ['a file that is not there', ['bench.json'], 'none.json', 1, /none\.json can't be read/],
  ])('refuses %s in a line', async (_, files, against, expected, line) => {
    const { status, stderr } = await box.run(['report', ...files, '--against', against, '-o', 'no.html'])
    expect(stderr.split('\n')[0]).toMatch(line)
    expect(status).toBe(expected)
    await expect(readFile(join(box.folder, 'no.html'))).rejects.toThrow('ENOENT')
  })
})

test('one page may go to stdout; those of several images are files', async () => {
  const page = await box.run(['report', 'trace.json', 'bench.json', '-o', '-'])
  expect(page).toMatchObject({ status: 0, stderr: expect.stringMatching(/^written to stdout \(/) })
  expect(page.stdout).toMatch(/^<!doctype html>[\s\S]*<\/html>\s*$/i)
  const several = await box.run(['report', 'trace.json', 'other.json', '-o', '-'])
  expect(several).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('several images') })
})
