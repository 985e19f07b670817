/** What works on a machine follows from what it has; and `doctor` ends non-zero when nothing does. */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { abilitiesOf, examineMachine, type MachineFindings } from '../../cli/machine-check.ts'
import { HEADSTART, type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxImage } from '../support/images.ts'
import { asNobody } from '../support/nobody.ts'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
  await chmod(box.folder, 0o755)
})
afterAll(() => box[Symbol.asyncDispose]())

describe('what follows from what is there', () => {
  const fine = { fault: undefined }
  const all: MachineFindings = {
    root: { name: 'root', ...fine },
    fuse: { name: 'FUSE', ...fine },
    libfuse: { name: 'libfuse', ...fine },
    docker: { name: 'engine docker', ...fine },
    runc: { name: 'engine runc', ...fine },
    controlGroups: { name: 'control groups', ...fine },
    attributes: { name: 'extended attributes', ...fine },
    workspace: { name: 'temporary files', ...fine },
  }
  const lacking = (...names: (keyof MachineFindings)[]): MachineFindings => ({
    ...all,
    ...Object.fromEntries(names.map((name) => [name, { name, fault: 'missing' }])),
  })
  const works = (found: MachineFindings) => abilitiesOf(found).map((ability) => ability.works)

  test.each<[readonly (keyof MachineFindings)[], readonly boolean[]]>([
    [[], [true, true, true]],
    [['libfuse'], [true, true, true]],
    [['attributes'], [true, true, true]],
    [['docker'], [true, true, true]],
    [
      ['runc', 'controlGroups'],
      [true, true, true],
    ],
    [
      ['docker', 'runc'],
      [false, false, true],
    ],
    [
      ['docker', 'controlGroups'],
      [false, false, true],
    ],
    [['root'], [false, false, true]],
    [['fuse'], [false, true, true]],
    [['workspace'], [false, false, false]],
  ])('without %s', (names, expected) => {
    expect(works(lacking(...names))).toEqual(expected)
  })

  test('an engine outside of this container can run images, not record them', () => {
    const outside = lacking('docker', 'runc')
    expect(works({ ...outside, dockerForRun: { name: 'engine docker, for run', ...fine } })).toEqual([
      false,
      true,
      true,
    ])
    expect(
      works({ ...lacking('runc'), dockerForRun: { name: 'engine docker, for run', fault: 'unseen' } }),
    ).toEqual([true, false, true])
  })

  test('it is said what is lacking', () => {
    const [recording] = abilitiesOf(lacking('root', 'docker', 'runc'))
    expect(recording?.sentence).toMatch(/it lacks root, an engine that runs containers$/)
    const [, running] = abilitiesOf(lacking('fuse'))
    expect(running?.sentence).toBe('running works (run), but pulls images whole: it lacks FUSE')
  })
})

test('this machine, which the tests need, has everything', async () => {
  const found = await examineMachine()
  expect(Object.values(found).filter(({ fault }) => fault !== undefined)).toEqual([])
  const { status, stdout } = await box.run(['doctor', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({
    abilities: [{ works: true }, { works: true }, { works: true }],
    left: [],
  })
  expect(status).toBe(0)
})

test('a program that is missing is named, with the package that has it', async () => {
  const { stdout } = await box.run(['doctor'], { env: { PATH: '/nonexistent' } })
  expect(stdout).toMatch(/^no {2}extended attributes: getfattr is not installed; .*: install attr$/m)
  expect(stdout).toMatch(/^no {2}engine runc: /m)
})

describe('another user', () => {
  const doctor = (tmp: string) =>
    asNobody(`${process.execPath} ${HEADSTART} doctor 2>&1; echo "status $?"`, {
      HEADSTART_TMPDIR: tmp,
      NO_COLOR: '1',
    })

  test('can rebuild, and is told with which commands', async () => {
    const folder = join(box.folder, 'nobody')
    await mkdir(folder)
    await chmod(folder, 0o1777)
    const said = await doctor(folder)
    expect(said).toMatch(/^no {2}root: mounting needs root; run with sudo$/m)
    expect(said).toMatch(
      /^ok {2}rebuilding works, and needs no root: optimize by a trace or an attached profile, verify,/m,
    )
    expect(said).toMatch(/^status 0$/m)
  })

  test('can do nothing without a place for temporary files, and it ends with 1', async () => {
    const folder = join(box.folder, 'closed')
    await mkdir(folder)
    await chmod(folder, 0o755)
    const said = await doctor(folder)
    expect(said).toMatch(/^no {2}rebuilding does not work/m)
    expect(said).toMatch(/^headstart: headstart can't do anything on this machine$/m)
    expect(said).toMatch(/^status 1$/m)
  })
})

describe('an image', () => {
  test('that no node would pull lazily: why, and 1', async () => {
    const image = await busyboxImage(join(box.folder, 'image'), { command: 'true' })
    const { status, stdout, stderr } = await box.run(['doctor', image])
    expect(stdout).toMatch(/^layer +size +format/)
    expect(stdout).toMatch(/^no {2}all layers: plain gzip, without a table of contents/m)
    expect(stderr).toMatch(/^headstart: a node would not pull oci:.* lazily$/m)
    expect(status).toBe(1)
    const json = await box.run(['doctor', image, '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({
      reference: image,
      lazy: false,
      layers: [{ format: 'gzip' }, { format: 'gzip' }],
      findings: [{}, { prevents: true, layers: [0, 1] }],
    })
    expect(json.status).toBe(1)
  })

  test('and --clean have nothing to do with each other', async () => {
    const { status, stderr } = await box.run(['doctor', 'oci:image', '--clean'])
    expect(stderr).toMatch(/^headstart: --clean is about this machine/)
    expect(status).toBe(2)
  })
})
