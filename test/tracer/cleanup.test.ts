/** What root sweeps: its own leftovers, wherever they are, and nothing that another user put in their place. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { exists } from '../../system/files/exists.ts'
import { runCommand, tryCommand } from '../../system/process/command.ts'
import { markOf, ownerSchema } from '../../system/process/owner.ts'
import { HEADSTART, type Sandbox, sandbox } from '../support/headstart.ts'
import { asNobody, NOBODY } from '../support/nobody.ts'

const DEAD = 'headstart-4194305' // no process has so high a number
let box: Sandbox
/** as /var/tmp: everybody writes to it */
let shared: string

beforeAll(async () => {
  box = await sandbox()
  await chmod(box.folder, 0o755)
  shared = `${box.folder}/shared`
  await mkdir(shared)
  await chmod(shared, 0o1777)
})

afterAll(() => box[Symbol.asyncDispose]())

async function clean(env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { status, stdout, stderr } = await box.run(['doctor', '--clean'], {
    env: { HEADSTART_TMPDIR: shared, ...env },
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout
}

/** runc's state of a container that is gone, whose deletion makes the file `marker`. */
async function trap(id: string, marker: string): Promise<string> {
  const bundle = `${box.folder}/bundle`
  const state = `${box.folder}/trap`
  await mkdir(`${bundle}/rootfs/bin`, { recursive: true })
  await cp('/bin/busybox', `${bundle}/rootfs/bin/true`)
  await runCommand('runc', ['spec', '--bundle', bundle])
  const spec: Record<string, unknown> = JSON.parse(await readFile(`${bundle}/config.json`, 'utf8'))
  const own = {
    process: { args: ['/bin/true'], cwd: '/', user: { uid: 0, gid: 0 } },
    hooks: { poststop: [{ path: '/usr/bin/touch', args: ['touch', marker] }] },
  }
  await writeFile(`${bundle}/config.json`, JSON.stringify({ ...spec, ...own }))
  const child = spawn('runc', ['--root', state, 'create', '--bundle', bundle, id], { stdio: 'ignore' })
  expect(await once(child, 'exit')).toEqual([0, null])
  const { pid } = z
    .object({ pid: z.number() })
    .parse(JSON.parse(await runCommand('runc', ['--root', state, 'state', id])))
  process.kill(pid, 'SIGKILL')
  await rm(`${state}/${id}/exec.fifo`)
  await cp(state, `${box.folder}/planted`, { recursive: true })
  await runCommand('runc', ['--root', state, 'delete', '--force', id])
  return `${box.folder}/planted`
}

test('a container’s state that another user planted is not handed to runc, whose hooks root would run', async () => {
  const id = `${DEAD}-0badc0de`
  const marker = `${box.folder}/owned`
  const state = await trap(id, marker)
  expect(await exists(marker)).toBe(true) // the trap works
  await rm(marker)
  for (const place of ['runc', 'state/runc']) {
    await asNobody(`mkdir -p -m 700 ${shared}/${id}/${place}`)
    await cp(state, `${shared}/${id}/${place}`, { recursive: true })
  }
  await runCommand('chown', ['-R', `${NOBODY}:${NOBODY}`, `${shared}/${id}`])
  expect(await clean()).not.toContain(id)
  expect(await exists(marker)).toBe(false)
  expect(await readdir(`${shared}/${id}`)).toEqual(['runc', 'state'])
})

test('links that another user planted lead root nowhere', async () => {
  const victim = `${box.folder}/victim`
  await mkdir(victim, { mode: 0o700 })
  await writeFile(`${victim}/file`, 'ours')
  const [link, folder] = [`${DEAD}-00000001`, `${DEAD}-00000002`]
  await asNobody(`ln -s ${victim} ${shared}/${link}
    mkdir ${shared}/${folder}; cd ${shared}/${folder}
    ln -s ${victim}/new sweeper; ln -s ${victim}/new owner.json; ln -s ${victim} state; ln -s ${victim} runc`)
  expect(await clean()).not.toMatch(/0000000[12]/)
  expect(await readdir(victim)).toEqual(['file'])
  expect(await readdir(shared)).toEqual(expect.arrayContaining([link, folder]))
  expect(await readdir(`${shared}/${folder}`)).toHaveLength(4)
})

test('a containerd that another user names is not spoken to', async () => {
  const id = `${DEAD}-00000003`
  const address = `${box.folder}/c.sock`
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  }).listen(address)
  await once(server, 'listening')
  const text = JSON.stringify({ address, name: id })
  await asNobody(`mkdir -p -m 700 ${shared}/${id}/state; cd ${shared}/${id}
    for place in . state; do echo '${text}' > $place/containerd.json; done`)
  expect(await clean()).not.toContain(id)
  expect(connections).toBe(0)
  server.close()
})

test.each<[string, (at: string) => Promise<unknown>]>([
  ['a folder that others may enter', (at) => mkdir(at, { mode: 0o755 })],
  ['a file', (at) => writeFile(at, '', { mode: 0o600 })],
  ['a folder of another user', (at) => asNobody(`mkdir -m 700 ${at}`)],
])('%s is left alone', async (_, make) => {
  const at = `${shared}/${DEAD}-00000004`
  await make(at)
  expect(await clean()).not.toContain(at)
  expect(await exists(at)).toBe(true)
  await rm(at, { recursive: true })
})

test('in a folder where others could exchange everything, nothing is swept', async () => {
  const open = `${box.folder}/open`
  await mkdir(open)
  await chmod(open, 0o777) // no sticky bit
  const at = `${open}/${DEAD}-00000005`
  await mkdir(at, { mode: 0o700 })
  await clean({ HEADSTART_TMPDIR: open })
  expect(await exists(at)).toBe(true)
})

interface Owner {
  readonly child: ChildProcess
  readonly id: string
  readonly folder: string
  readonly state: string
}

const SCRIPT = fileURLToPath(new URL('../support/workspace-owner.ts', import.meta.url))
const placeSchema = z.object({ id: z.string(), folder: z.string(), state: z.string() })

/** A process with a workspace. */
async function startOwner(
  env: Readonly<Record<string, string>> = {},
  { under = [], user }: { readonly under?: readonly string[]; readonly user?: number } = {},
): Promise<Owner> {
  const [program = '', ...args] = [...under, process.execPath, SCRIPT]
  const child = spawn(program, args, {
    cwd: '/',
    env: { ...process.env, HEADSTART_TMPDIR: shared, HEADSTART_RUNDIR: `${box.folder}/run`, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(user !== undefined && { uid: user, gid: user }),
  })
  for await (const line of createInterface({ input: child.stdout ?? [] }))
    return { child, ...placeSchema.parse(JSON.parse(line)) }
  throw new Error('it ended')
}

async function kill({ child }: Owner): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

test('what a killed command of ours left is found, whichever folder for temporary files is asked for', async () => {
  const owner = await startOwner()
  const elsewhere = { HEADSTART_TMPDIR: `${box.folder}/elsewhere` }
  expect(await clean(elsewhere)).not.toContain(owner.id) // it lives
  await kill(owner)
  expect(await clean(elsewhere)).toContain(`removed ${owner.folder}`)
  expect(await exists(owner.folder)).toBe(false)
  expect(await exists(owner.state)).toBe(false)
})

test('after a reboot, which empties the run folder, the workspace is found all the same', async () => {
  const owner = await startOwner()
  await kill(owner)
  await rm(`${box.folder}/run`, { recursive: true })
  expect(await clean()).toContain(`removed ${owner.folder}`)
  expect(await exists(owner.folder)).toBe(false)
})

test('a workspace of another boot is stale, although a process has its number now', async () => {
  const owner = await startOwner()
  for (const place of [owner.folder, owner.state]) {
    const note: Record<string, unknown> = JSON.parse(await readFile(`${place}/owner.json`, 'utf8'))
    await writeFile(`${place}/owner.json`, JSON.stringify({ ...note, boot: '00000000' }))
  }
  expect(await clean()).toContain(owner.id)
  await kill(owner)
})

test('a note that names another folder than its own removes nothing there', async () => {
  const owner = await startOwner()
  await kill(owner)
  const victim = `${box.folder}/other`
  await mkdir(victim, { mode: 0o700 })
  const note: Record<string, unknown> = JSON.parse(await readFile(`${owner.state}/owner.json`, 'utf8'))
  await writeFile(`${owner.state}/owner.json`, JSON.stringify({ ...note, folder: victim }))
  expect(await clean()).toContain(owner.id)
  expect(await exists(victim)).toBe(true)
  expect(await exists(owner.folder)).toBe(false)
})

const CONTAINER = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']

test('a workspace of a container that shares the folder is left alone while the container lives', async () => {
  // As in a container: a run folder of its own, and processes that have other numbers here.
  const owner = await startOwner({ HEADSTART_RUNDIR: `${box.folder}/run-inside` }, { under: CONTAINER })
  expect(await clean()).not.toContain(owner.id)
  expect(await exists(owner.folder)).toBe(true)
  await kill(owner)
})

test('a container leaves a workspace of the machine alone: it does not see who lives there', async () => {
  const owner = await startOwner()
  const env = { HEADSTART_TMPDIR: shared, HEADSTART_RUNDIR: `${box.folder}/run-inside` }
  const inside = await box.run(['doctor', '--clean'], { env, under: CONTAINER })
  expect(inside.stdout).not.toContain(owner.id)
  expect(await exists(owner.folder)).toBe(true)
  await kill(owner)
  expect(await clean()).toContain(owner.id)
})

/** A container and its image in the engine, as a run of `id` has them. */
async function inEngine(id: string, mark: string | undefined) {
  const image = `headstart-shell/web:1.${id}`
  const label = mark === undefined ? [] : [`headstart.owner=${mark}`]
  await writeFile(`${box.folder}/empty.tar`, Buffer.alloc(1024))
  await runCommand('docker', [
    ...['import', ...label.flatMap((one) => ['--change', `LABEL ${one}`])],
    ...[`${box.folder}/empty.tar`, image],
  ])
  const labels = [`headstart=${id}`, ...label].flatMap((one) => ['--label', one])
  await runCommand('docker', ['create', '--name', id, ...labels, image, '/none'])
  return {
    async held() {
      const containers = await runCommand('docker', ['ps', '--all', '--format', '{{.Names}}'])
      const images = await runCommand('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}'])
      return [containers.split('\n').includes(id), images.split('\n').includes(image)]
    },
    async [Symbol.asyncDispose]() {
      await tryCommand('docker', ['rm', '--force', id])
      await tryCommand('docker', ['rmi', '--force', image])
    },
  }
}

test('in an engine that a container shares, what a living process made is left alone, and what doesn’t say whose it is', async () => {
  const owner = await startOwner()
  const note = ownerSchema.parse(JSON.parse(await readFile(`${owner.folder}/owner.json`, 'utf8')))
  await using made = await inEngine(owner.id, markOf(note))
  await using nameless = await inEngine(`headstart-${process.pid}-0000000a`, undefined)
  const elsewhere = { HEADSTART_TMPDIR: `${box.folder}/inside`, HEADSTART_RUNDIR: `${box.folder}/run-inside` }
  const inside = await box.run(['doctor', '--clean'], { env: elsewhere, under: CONTAINER })
  expect(inside.stdout).not.toContain(owner.id)
  expect(await made.held()).toEqual([true, true])
  expect(await nameless.held()).toEqual([true, true])
  await kill(owner)
  await rm(owner.folder, { recursive: true })
  await rm(owner.state, { recursive: true })
  await clean()
  expect(await made.held()).toEqual([false, false])
})

test('two users with one folder don’t hinder each other, and each sweeps its own', async () => {
  const runtime = `${box.folder}/runtime`
  await mkdir(runtime)
  await runCommand('chown', [`${NOBODY}`, runtime])
  await chmod(runtime, 0o700)
  const env = { HEADSTART_TMPDIR: shared, XDG_RUNTIME_DIR: runtime }
  const { HEADSTART_RUNDIR: _, ...theirs } = { HEADSTART_RUNDIR: '', ...env }
  const [ours, other] = [
    await startOwner(),
    await startOwner({ ...env, HEADSTART_RUNDIR: `${runtime}/headstart` }, { user: NOBODY }),
  ]
  await kill(ours)
  await kill(other)
  expect(await clean()).not.toContain(other.id)
  expect(await exists(other.folder)).toBe(true)
  const again = await startOwner()
  await kill(again)
  const swept = await asNobody(`${process.execPath} ${HEADSTART} doctor --clean`, theirs)
  expect(swept).toContain(`removed ${other.folder}`)
  expect(swept).not.toContain(again.id)
  expect(await exists(again.folder)).toBe(true)
  expect(await clean()).toContain(again.id)
})

test.each([0o000, 0o022, 0o077])('with the umask %o folders are ours alone', async (umask) => {
  const before = process.umask(umask)
  const owner = await startOwner().finally(() => process.umask(before))
  const { stdout } = await tryCommand('stat', ['-c', '%a', owner.folder, owner.state])
  expect(stdout).toBe('700\n700\n')
  owner.child.stdin?.end()
  await once(owner.child, 'exit')
  expect(await exists(owner.folder)).toBe(false)
  expect(await exists(owner.state)).toBe(false)
})
