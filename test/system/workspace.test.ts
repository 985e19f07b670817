/** Whose a workspace is: it must not be taken from a command that is just making it. And where none is made. */
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { exists } from '../../system/files/exists.ts'
import { type Owner, ourselves } from '../../system/process/owner.ts'
import { createWorkspace, staleWorkspaces } from '../../system/workspace.ts'
import { asNobody, NOBODY } from '../support/nobody.ts'

const NO_PROCESS = 4194305 // no process has so high a number
let root: string

beforeEach(async () => {
  root = await mkdtemp('/var/tmp/hs-workspace-')
  vi.stubEnv('HEADSTART_RUNDIR', join(root, 'run'))
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(root, { recursive: true })
})

const noteOf = (owner: Owner, folder: string): string =>
  JSON.stringify({ ...owner, folder, state: join(folder, 'state') })

test.each<[string, number, ((folder: string) => Promise<string>) | undefined, boolean]>([
  ['of a process that is gone', NO_PROCESS, undefined, true],
  ['without a word about its owner yet', process.pid, undefined, false],
  ['whose owner is being written down', process.pid, async () => '{"pid":', false],
  ['of a living process', process.pid, async (at) => noteOf(await ourselves(), at), false],
  [
    'of an earlier process of the same number',
    process.pid,
    async (at) => noteOf({ ...(await ourselves()), started: '1' }, at),
    true,
  ],
])('%s', async (_name, pid, note, stale) => {
  const folder = join(root, `headstart-${pid}-deadbeef`)
  await mkdir(folder, { mode: 0o700 })
  if (note !== undefined) await writeFile(join(folder, 'owner.json'), await note(folder))
  await using own = await createWorkspace(root)
  const found = (await staleWorkspaces(root)).map((one) => one.folder)
  expect(found).toEqual(stale ? [folder] : [])
  expect(found).not.toContain(own.folder)
})

test('none is made where others could exchange it', async () => {
  const open = join(root, 'open')
  await mkdir(join(open, 'inner'), { recursive: true })
  await chmod(open, 0o777)
  const refused = { code: 'E_TMPDIR', message: expect.stringContaining('which lacks the sticky bit') }
  await expect(createWorkspace(open)).rejects.toMatchObject(refused)
  await expect(createWorkspace(join(open, 'inner'))).rejects.toMatchObject(refused)
  await chmod(open, 0o1777)
  await (await createWorkspace(open))[Symbol.asyncDispose]()
})

test('none is made in a folder of another user, who can exchange all in it, unless that user called us through sudo', async () => {
  await chmod(root, 0o1777)
  const theirs = join(root, 'theirs')
  await asNobody(`mkdir -m 755 ${theirs}`)
  await expect(createWorkspace(theirs)).rejects.toMatchObject({
    code: 'E_TMPDIR',
    message: expect.stringContaining(`belongs to another user (uid ${NOBODY})`),
  })
  vi.stubEnv('SUDO_UID', String(NOBODY))
  await (await createWorkspace(theirs))[Symbol.asyncDispose]()
})

test('a folder for temporary files that is a link: what is mounted in it is found by its real name', async () => {
  await mkdir(join(root, 'disk'))
  await symlink('disk', join(root, 'link'))
  await using workspace = await createWorkspace(join(root, 'link'))
  expect(workspace.folder).toBe(join(root, 'disk', workspace.id))
})

test.each<[string, (at: string) => Promise<unknown>]>([
  ['others may enter', (at) => mkdir(at, { mode: 0o755 })],
  ['is a link', (at) => symlink(root, at)],
  ['is of another user', (at) => asNobody(`mkdir -m 700 ${at}`)],
])('a run folder that %s is refused in a line', async (_name, make) => {
  await chmod(root, 0o1777)
  const at = join(root, 'bad')
  await make(at)
  vi.stubEnv('HEADSTART_RUNDIR', at)
  await expect(createWorkspace(root)).rejects.toMatchObject({
    code: 'E_RUN_FOLDER',
    message: `${at} is not safe to use: it is not a folder that only its owner can enter`,
  })
})

test('a run folder where none can be made is refused in a line', async () => {
  vi.stubEnv('HEADSTART_RUNDIR', '/proc/none/run')
  await expect(createWorkspace(root)).rejects.toMatchObject({
    code: 'E_RUN_FOLDER',
    message: "HEADSTART_RUNDIR can't be used: no such file or folder: /proc/none",
  })
})

test('an ordinary user without a run folder has the notes in the workspace', async () => {
  await chmod(root, 0o1777)
  const script = new URL('../support/workspace-owner.ts', import.meta.url).pathname
  const text = await asNobody(`${process.execPath} ${script} </dev/null`, { HEADSTART_TMPDIR: root })
  const { folder, state }: { folder: string; state: string } = JSON.parse(text)
  expect(state).toBe(join(folder, 'state'))
  expect(await exists(folder)).toBe(false)
})
