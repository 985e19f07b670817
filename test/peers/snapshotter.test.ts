/** The real thing at the other end: containerd with the stargz snapshotter pulls what we wrote lazily, and its container starts. */

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FormatName } from '../../image/estargz/format/formats.ts'
import type { OptimizeOptions } from '../../optimizer/options.ts'
import { demoImages, MAKING_MS, makeDemoImage } from '../../scripts/demo-image/images.ts'
import { type Containerd, startContainerd } from '../../scripts/support/containerd.ts'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { optimized, startFile } from '../support/optimized.ts'

/** What the demo's start reads first, whatever the trace: enough for a zone in two layers. */
const STARTUP = ['usr/bin/python3.11', 'srv/app/app.py', 'srv/app/weights.npy']

/** Of two of them only these ranges go ahead; the start reads more, from where the files themselves are. */
const IN_PART = ['usr/bin/python3.11', 'srv/app/weights.npy']
const RANGES = [
  [0, 300_000],
  [1_000_000, 1_004_096],
] as const

let registry: TestRegistry
/** A format, and what else is asked for: only ranges ahead, or diffIDs that stay. */
type Kind = FormatName | 'estargz, split' | 'estargz+external-toc, diffIDs kept'
const pushed = new Map<Kind, Promise<string>>()

beforeAll(async () => {
  await makeDemoImage('webapp')
  registry = await startRegistry()
}, MAKING_MS)

afterAll(() => registry[Symbol.asyncDispose]())

/** Each once. */
function pushedAs(kind: Kind): Promise<string> {
  const known = pushed.get(kind) ?? pushOptimized(kind)
  pushed.set(kind, known)
  return known
}

const isFormat = (kind: Kind): kind is FormatName => !kind.includes(', ')

async function pushOptimized(kind: Kind): Promise<string> {
  const asked: Partial<Record<Kind, Partial<OptimizeOptions>>> = {
    'estargz, split': { split: 'always' },
    'estargz+external-toc, diffIDs kept': { format: 'estargz+external-toc', keepDiffId: true },
  }
  const options = asked[kind] ?? (isFormat(kind) ? { format: kind } : {})
  const reference = `${registry.host}/demo:${kind.replace(/\W+/g, '-')}`
  const startup = STARTUP.map((path) => ({
    ...startFile(path),
    ranges: options.split && IN_PART.includes(path) ? RANGES : [],
  }))
  await optimized(demoImages.webapp.image, `docker://${reference}`, { startup, options })
  return reference
}

/** @returns what the container printed up to the line that matches */
async function runUntil(containerd: Containerd, reference: string, pattern: RegExp): Promise<string> {
  // runc keeps one list for every containerd of the machine, so no two containers may share a name.
  const id = `headstart-test-${randomUUID()}`
  const args = ['run', '--rm', '--snapshotter', 'stargz', reference, id]
  const child = spawn('ctr-remote', args, { env: containerd.env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  let output = ''
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (pattern.test(output)) resolve()
      })
  })
  await Promise.race([ready, ended])
  await containerd.ctr('task', 'kill', '-s', 'KILL', id).catch(() => {})
  await ended
  return output
}

/** Debian's snapshotter looks for no table of contents outside of a layer. */
const KINDS = {
  debian: ['estargz', 'estargz, split', 'zstd:chunked'],
  newest: [
    'estargz',
    'estargz, split',
    'zstd:chunked',
    'estargz+external-toc',
    'estargz+external-toc, diffIDs kept',
  ],
} as const

test.each(peerSets.flatMap((peers) => KINDS[peers].map((kind) => [peers, kind] as const)))(
  'an optimized image is pulled lazily by the stargz snapshotter, and starts: %s, %s',
  async (peers, kind) => {
    const reference = await pushedAs(kind)
    await using containerd = await startContainerd({ peers })

    await containerd.ctr('images', 'rpull', '--plain-http', '--snapshotter', 'stargz', reference)

    const mounts = await readFile('/proc/self/mountinfo', 'utf8')
    const lazy = mounts
      .split('\n')
      .filter((line) => line.includes(containerd.folder) && line.includes('fuse'))
    expect(lazy, 'every layer is a FUSE mount, none was unpacked').toHaveLength(3)
    expect(await runUntil(containerd, reference, demoImages.webapp.ready)).toMatch(demoImages.webapp.ready)
  },
  BUILDING_MS,
)
