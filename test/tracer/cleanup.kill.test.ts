/** Runs killed at random moments, and their mount processes: the next command removes all they left. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { killed } from '../../scripts/support/serve.ts'
import { until } from '../../scripts/support/until.ts'
import { codeOf } from '../../system/errors.ts'
import { listProcesses, processesNaming } from '../../system/process/processes.ts'
import { sweep } from '../../tracer/cleanup.ts'
import { mountFileSystem } from '../../tracer/mount/mount.ts'
import { busyboxImage } from '../support/images.ts'
import { PATIENCE_MS, times } from '../support/property.ts'
import { type TempFolder, tempFolder } from '../support/temp.ts'
import { leftovers } from './leftovers.ts'

let temp: TempFolder
let reference: string

beforeAll(async () => {
  temp = await tempFolder()
  reference = await busyboxImage(await temp.sub('image'), {
    command: 'echo up; while :; do ls /bin >/dev/null; done',
  })
})

afterAll(() => temp[Symbol.asyncDispose]())

type Engine = 'runc' | 'docker'

function startVictim(engine: Engine): ChildProcess {
  return fork(new URL('./kill-victim.ts', import.meta.url), [reference, engine], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}

/** Until its container runs, and says so. */
const untilOutput = (victim: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    victim.on('message', (phase) => {
      if (phase === 'output') resolve()
    })
  })

/** What stays of a victim after sweeping. What its engine was asked for may still be on its way: then the next command removes it. */
async function leftAfterSweep(victim: ChildProcess): Promise<string[]> {
  let left: string[] = []
  const isClean = async () => {
    await sweep()
    left = await leftovers(victim.pid)
    return left.length === 0
  }
  await until('nothing is left', isClean).catch(() => {}) // what is left says more than that something is
  return left
}

/** From its first message until its container has run for a while: how long that takes is the machine's to say. */
async function lifeOf(engine: Engine): Promise<number> {
  const victim = startVictim(engine)
  await once(victim, 'message')
  const since = performance.now()
  await untilOutput(victim)
  const life = (performance.now() - since) * 1.5
  await killed(victim)
  await leftAfterSweep(victim)
  return life
}

async function killMany(engine: Engine, count: number, together: number): Promise<string[]> {
  const left: string[] = []
  const life = await lifeOf(engine)
  const moments = Array.from({ length: count }, (_, index) => ((index + Math.random()) / count) * life)
  const worker = async () => {
    for (let moment = moments.pop(); moment !== undefined; moment = moments.pop()) {
      const victim = startVictim(engine)
      await once(victim, 'message')
      await sleep(moment)
      await killed(victim)
      const remains = await leftAfterSweep(victim)
      left.push(...remains.map((what) => `killed at ${moment?.toFixed(0)} ms: ${what}`))
    }
  }
  await Promise.all(Array.from({ length: together }, worker))
  return left
}

test(
  'runc: kills at random moments of a run',
  async () => {
    expect(await killMany('runc', times(16), 4)).toEqual([])
  },
  PATIENCE_MS,
)

test(
  'docker: kills at random moments of a run',
  async () => {
    expect(await killMany('docker', times(6), 3)).toEqual([])
  },
  PATIENCE_MS,
)

test.each([
  ['runc', /^runc --root .* run /m],
  ['docker', /^headstart-shell:/m],
] as const)(
  '%s: a kill while the container runs leaves it, and sweeping removes it',
  async (engine, trail) => {
    // Any other command that starts just then sweeps as well: one that meets none leaves it all.
    const isLeft = async () => {
      const victim = startVictim(engine)
      await untilOutput(victim)
      await killed(victim)
      const before = (await leftovers(victim.pid)).join('\n')
      expect(await leftAfterSweep(victim)).toEqual([])
      return trail.test(before) && / - overlay /.test(before)
    }
    await until('a kill leaves something', isLeft)
  },
)

/** Kills a process of a running victim. @returns what the victim says of it, once it has ended and left nothing */
async function complaintAfterKilling(find: (victim: number) => Promise<number | undefined>): Promise<string> {
  const victim = startVictim('runc')
  let complaint = ''
  victim.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk
  })
  const ended = once(victim, 'close')
  await untilOutput(victim)
  const found = await find(victim.pid ?? 0)
  if (found === undefined) throw new Error('it does not run')
  process.kill(found, 'SIGKILL')
  await ended
  expect(await leftovers(victim.pid)).toEqual([])
  return complaint
}

const runcOf = async (victim: number): Promise<number | undefined> =>
  (await listProcesses()).find(
    ({ parent, args }) => parent === victim && args[0] === 'runc' && args.includes('run'),
  )?.pid

test.each([
  ['a mount process', mountProcessOf, 'the mount process was killed by SIGKILL'],
  ['a runc', runcOf, 'HeadstartError: runc was killed (SIGKILL)'],
])('%s that is killed ends the run with an error, and nothing stays', async (_, find, complaint) => {
  expect(await complaintAfterKilling(find)).toContain(complaint)
})

test('a mount elsewhere whose server was killed is detached', async () => {
  const mountPoint = await temp.sub('elsewhere')
  const folder = await temp.sub('image')
  const mount = await mountFileSystem({
    mountPoint,
    tree: { kind: 'directory', folder },
    record: false,
  })
  const server = await mountProcessOf(process.pid)
  if (server === undefined) throw new Error('no mount process')
  process.kill(server, 'SIGKILL')
  await expect(mount.died).rejects.toMatchObject({ code: 'E_FUSE' })
  // Detached already by any other command that starts just then.
  expect([[], 'ENOTCONN']).toContainEqual(await readdir(mountPoint).catch(codeOf))
  await sweep()
  expect(await readdir(mountPoint)).toEqual([])
  await mount[Symbol.asyncDispose]()
})

/** The child of `parent` that serves its mount. */
async function mountProcessOf(parent: number): Promise<number | undefined> {
  const servers = await processesNaming(new URL('../../tracer/mount/server.ts', import.meta.url).pathname)
  for (const pid of servers) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    if (status.includes(`PPid:\t${parent}\n`)) return pid
  }
  return undefined
}
