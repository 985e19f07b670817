/** What a measurement says when one of its processes is killed, and that nothing of it stays. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { programsOf } from '../../../scripts/support/containerd.ts'
import { listProcesses, type Process } from '../../../system/process/processes.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { makeImages } from './small-images.ts'

vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 }) // only catches what hangs

let folder = ''
let box: Sandbox
/** of the container's command, to tell it from everybody else's */
let marker = ''
/** of the measurement */
let workspaces: string[] = []

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/report-test-')
  await makeImages(folder)
  box = await sandbox()
})

beforeEach(() => {
  marker = `never-ready-${randomBytes(6).toString('hex')}`
})

afterAll(async () => {
  await box[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

type Choose = (all: readonly Process[], main: number) => Process | undefined

/** A measurement whose container never becomes ready; once it runs, what `choose` finds is killed. */
async function measure(more: readonly string[], choose: Choose) {
  const original = `oci:${join(folder, 'original')}:latest`
  const images = [original, `oci:${join(folder, 'optimized')}:latest`]
  const flags = ['--ready-log', 'none such', '--link', 'lan', '-n', '1', '--warmups', '0', '--watch', '0']
  const script = `: ${marker}; while :; do /bin/ls /bin /data > /dev/null; done`
  return box.run(['bench', ...images, ...flags, ...more, '--', '/bin/sh', '-c', script], {
    meanwhile: async () => {
      const kill = async () => {
        const all = await listProcesses()
        const named = all.filter(({ args }) => args.some((arg) => arg.includes(marker)))
        const main = named.find(({ args }) => args.includes('bench'))
        if (!main || !named.some(({ args }) => args[0] === '/bin/sh')) return undefined
        workspaces = await readdir(`${box.folder}/work`)
        const victim = choose(all, main.pid)
        if (victim) process.kill(victim.pid, 'SIGKILL')
        return victim
      }
      await expect.poll(kill, { timeout: 300_000, interval: 100 }).toBeDefined()
    },
  })
}

const runs = (program: string, word: string): Choose => {
  return (all, main) =>
    all.find(
      ({ parent, args }) =>
        parent === main && args[0]?.endsWith(program) && args.some((arg) => arg.includes(word)),
    )
}
const mountProcess: Choose = (all, main) =>
  all.find(({ parent, args }) => parent === main && args.some((arg) => arg.endsWith('/mount/server.ts')))
/** By the workspace in what it was started with. */
const daemon = (program: string): Choose => {
  return (all) =>
    all.find(
      ({ args }) => args[0]?.includes(program) && args.some((arg) => arg.includes(`${box.folder}/work/`)),
    )
}
const main: Choose = (all, pid) => all.find((each) => each.pid === pid)

async function left(): Promise<string[]> {
  const running = (await listProcesses()).filter(({ args }) => args.some((arg) => arg.includes(marker)))
  const links = await readdir('/sys/class/net')
  const bridges = workspaces.map((id) => `hs${id.slice(-8)}`)
  const top = '/sys/fs/cgroup'
  const places = [top, ...(await readdir(top)).map((name) => join(top, name))]
  const groups = (await Promise.all(places.map((place) => readdir(place).catch(() => [])))).flat()
  return [
    ...(await box.leftovers()),
    ...links.filter((name) => bridges.includes(name)),
    ...(await remains()),
    ...groups.filter((name) => workspaces.includes(name)),
    ...running.map(({ args }) => args.join(' ')),
  ]
}

/** What shims and clients of a containerd leave behind: folders and pipes named after the workspace, sockets named by a digest. */
async function remains(): Promise<string[]> {
  const names = await readdir('/run/containerd', { recursive: true }).catch(() => [])
  const sockets = workspaces.map((id) =>
    createHash('sha256').update(`${box.folder}/work/${id}/containerd/c.sock/${id}/${id}`).digest('hex'),
  )
  return names.filter((name) => [...workspaces, ...sockets].some((part) => name.includes(part)))
}

const builtin = ['--runtime', 'builtin', '--arms', 'optimized']
const docker = ['--runtime', 'docker', '--arms', 'legacy']
const { snapshotter } = await programsOf('debian')
const containerd = [
  ...['--runtime', 'containerd', '--containerd', 'own', '--snapshotter', snapshotter],
  ...['--arms', 'optimized'],
]

test.each<[string, readonly string[], Choose, RegExp]>([
  ['the mount process', builtin, mountProcess, /^headstart: the mount process was killed by SIGKILL/m],
  ['runc', builtin, runs('runc', 'run'), /^headstart: runc was killed \(SIGKILL\)/m],
  ['the engine', docker, daemon('dockerd'), /^headstart: dockerd was killed by SIGKILL$/m],
  // What Docker makes of these is up to it: the container ends, or is never heard of again.
  [
    'the container’s shim',
    docker,
    daemon('containerd-shim'),
    /^headstart: the container (ended|was not ready)/m,
  ],
  ['the engine’s containerd', docker, daemon('containerd'), /^headstart: (the container|docker )/m],
  ['the engine’s client', docker, runs('docker', 'run'), /^headstart: docker was killed \(SIGKILL\)$/m],
  ['containerd', containerd, daemon('containerd'), /^headstart: containerd was killed by SIGKILL$/m],
  ['its snapshotter', containerd, daemon(snapshotter), /^headstart: \S+ was killed by SIGKILL$/m],
  ['its client', containerd, runs('ctr-remote', 'run'), /^headstart: ctr-remote was killed \(SIGKILL\)$/m],
])('%s is killed: one line says so, and nothing stays', async (_, more, choose, why) => {
  const { status, stderr } = await measure([...more, '--timeout', '30s'], choose)
  expect(stderr).toMatch(why)
  expect(stderr).not.toMatch(/^ +at /m)
  expect(status).toBe(1)
  expect(await left()).toEqual([])
})

test.each([
  ['builtin', builtin],
  ['docker', docker],
  ['containerd', containerd],
])(
  'the measurement itself is killed with the runtime %s: the next command sweeps what is left',
  async (_, more) => {
    const { status } = await measure(more, main)
    expect(status).toBeNull()
    const swept = await box.run(['doctor', '--clean'])
    expect(swept.stdout).toMatch(/removed /)
    expect(await left()).toEqual([])
  },
)
