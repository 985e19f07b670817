/**
 * Against the reference tool's eyes: what `ctr-remote images optimize` records of a start, our trace holds too, whichever engine ran it; and
 * the engines' traces hold the same files.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { copyImage } from '../../image/copy.ts'
import { parseLocation } from '../../image/location.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import { type DemoKind, demoImages, MAKING_MS, makeDemoImage } from '../../scripts/demo-image/images.ts'
import { type Containerd, startContainerd } from '../../scripts/support/containerd.ts'
import { runCommand } from '../../system/process/command.ts'
import type { EngineName } from '../../tracer/container/types.ts'
import { profileImage } from '../../tracer/profile.ts'
import { dockerEngine } from '../support/engine.ts'
import { untilAtRest } from './at-rest.ts'

/** A mount point in the containers of one kind under one engine: by it they are found. */
const placeOf = (engine: string, kind: DemoKind): string => `/hs-record-${process.pid}-${engine}-${kind}`
/** Until the reference tool has written down what it was told. */
const WRITING_MS = 2000

/** Engines mount these themselves. */
const MOUNTED = new Set(['etc/hostname', 'etc/hosts', 'etc/resolv.conf', 'etc/mtab'])

/** All but the largest, which takes as long to unpack as the others together. */
const KINDS = ['webapp', 'node', 'nginx', 'shell'] satisfies DemoKind[]
const recordLine = z.object({ path: z.string() })

const engineName = (kind: DemoKind): string => `hs-record-${process.pid}:${kind}`

let folder: string
let containerd: Containerd

beforeAll(async () => {
  for (const kind of KINDS) await makeDemoImage(kind)
}, MAKING_MS)

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/hs-record-')
  containerd = await startContainerd()
  // First the one that the others stand on: they unpack only what they have besides.
  await everywhere('shell')
  await Promise.all(KINDS.filter((kind) => kind !== 'shell').map(everywhere))
})

afterAll(async () => {
  // First: without a Docker engine the rest fails.
  await containerd[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
  const docker = await dockerEngine()
  // Whatever came of the preparation: an image that is not there hides what went wrong.
  for (const kind of KINDS)
    await docker
      .getImage(engineName(kind))
      .remove({ force: true })
      .catch(() => {})
})

async function everywhere(kind: DemoKind): Promise<void> {
  await Promise.all([intoContainerd(kind), intoDocker(kind)])
}

async function intoDocker(kind: DemoKind): Promise<void> {
  await using source = await openSource(demoImages[kind].image)
  await using target = await openTarget(`docker-daemon:${engineName(kind)}`)
  await target.prepare({ force: false })
  await copyImage(await source.image(), target)
}

async function intoContainerd(kind: DemoKind): Promise<void> {
  const location = parseLocation(demoImages[kind].image)
  if (location.transport !== 'oci') throw new Error(`${kind} is not a layout`)
  // The shell's pipe: ctr stops reading at the end of the archive, and tar may still be padding it.
  const script = 'tar -C "$1" -c . | ctr-remote images import --base-name "$2" -'
  await runCommand('sh', ['-c', script, 'sh', location.path, kind], { env: containerd.env })
}

/** Waits until a child writes what matches. */
function says(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        if (pattern.test(text)) resolve()
      })
    child.once('close', () => reject(new Error(`it ended without ${pattern}: ${text}`)))
  })
}

/** The reference tool records until it is interrupted; a second time, and it does without the conversion that would follow. */
async function referenceRecord(kind: DemoKind): Promise<Set<string>> {
  const out = join(folder, `${kind}.jsonl`)
  const place = placeOf('reference', kind)
  const mount = `type=tmpfs,source=tmpfs,destination=${place},options=nosuid`
  const options = ['--oci', '--wait-on-signal', '--record-out', out, '--mount', mount]
  const child = spawn(
    'ctr-remote',
    ['images', 'optimize', ...options, `${kind}:latest`, `${kind}:optimized`],
    {
      env: containerd.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const ended = once(child, 'close')
  await says(child, demoImages[kind].ready)
  await untilAtRest(place)
  await sleep(WRITING_MS)
  const converting = says(child, /converting/)
  child.kill('SIGINT')
  await converting
  child.kill('SIGINT')
  await ended
  const lines = (await readFile(out, 'utf8')).trim().split('\n')
  return new Set(lines.map((line) => recordLine.parse(JSON.parse(line)).path))
}

async function traced(engine: EngineName, kind: DemoKind): Promise<Set<string>> {
  await using source = await openSource(`docker-daemon:${engineName(kind)}`)
  const { trace } = await profileImage({
    image: await source.image(),
    command: [],
    engine,
    run: {
      network: 'none',
      binds: [{ type: 'tmpfs', source: '', target: placeOf(engine, kind), readOnly: false }],
    },
    ready: { by: 'log', pattern: demoImages[kind].ready },
    // It does something right after it says that it is ready.
    workload: () => untilAtRest(placeOf(engine, kind)),
    tool: 'test',
  })
  return new Set(trace.files.map(({ path }) => path))
}

const missingFrom = (set: ReadonlySet<string>, wanted: ReadonlySet<string>): string[] =>
  [...wanted].filter((path) => !set.has(path) && !MOUNTED.has(path)).sort()

test.concurrent.for(KINDS)('%s', async (kind) => {
  const [reference, docker, runc] = await Promise.all([
    referenceRecord(kind),
    traced('docker', kind),
    traced('runc', kind),
  ])
  expect(reference.size).toBeGreaterThan(20)
  expect(missingFrom(docker, reference)).toEqual([])
  expect(missingFrom(runc, reference)).toEqual([])
  expect(missingFrom(docker, runc)).toEqual([])
  expect(missingFrom(runc, docker)).toEqual([])
})
