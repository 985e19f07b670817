/**
 * `npm run bench:pull`: a 300 MB image pulled from a registry into an OCI layout, and pushed from it, by `headstart copy` and by
 * `skopeo copy`, interleaved in one run. Prints medians of wall time, CPU time and peak memory.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { workspaceRoot } from '../../system/workspace.ts'
import { writeImage } from '../../test/support/images.ts'
import { startRegistry } from '../../test/support/registry.ts'
import { file } from '../../test/support/tar.ts'

const ROUNDS = 5
const LAYER_BYTES = 100 << 20
const LAYERS = 3

interface Sample {
  readonly wallS: number
  readonly cpuS: number
  readonly peakMiB: number
}

const run = promisify(execFile)

/** GNU time tells what a process and its children took. */
async function measure(command: string, args: readonly string[]): Promise<Sample> {
  const { stderr } = await run('/usr/bin/time', ['-f', 'taken %e %U %S %M', command, ...args])
  const [, wall, user, system, peak] = /taken (\S+) (\S+) (\S+) (\S+)/.exec(stderr) ?? []
  return { wallS: Number(wall), cpuS: Number(user) + Number(system), peakMiB: Number(peak) / 1024 }
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

const headstart = join(import.meta.dirname, '../../cli/headstart.js')
const tools: Record<string, (from: string, to: string) => Promise<Sample>> = {
  headstart: (from, to) => measure(process.execPath, [headstart, '--quiet', 'copy', from, to]),
  skopeo: (from, to) =>
    measure('skopeo', ['copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false', from, to]),
}

const folder = await mkdtemp(join(workspaceRoot(), 'bench-pull-'))
try {
  await using registry = await startRegistry()
  const original = await writeImage(join(folder, 'original'), {
    layers: Array.from({ length: LAYERS }, (_, index) => [file(`data-${index}`, randomBytes(LAYER_BYTES))]),
  })
  await tools.skopeo?.(original, `docker://${registry.host}/source:v1`)
  const samples = new Map<string, Sample[]>()
  for (let round = 0; round < ROUNDS; round++)
    for (const [tool, copy] of Object.entries(tools)) {
      const layout = join(folder, `${tool}-${round}`)
      const add = (what: string, sample: Sample) =>
        samples.set(`${what} ${tool}`, [...(samples.get(`${what} ${tool}`) ?? []), sample])
      add('pull', await copy(`docker://${registry.host}/source:v1`, `oci:${layout}:v1`))
      // A registry of its own: skopeo remembers what it pushed to one, and mounts it.
      await using fresh = await startRegistry()
      add('push', await copy(original, `docker://${fresh.host}/target:v1`))
      await rm(layout, { recursive: true })
    }
  print(samples)
} finally {
  await rm(folder, { recursive: true })
}

function print(samples: ReadonlyMap<string, readonly Sample[]>): void {
  console.log(`${LAYERS} layers of ${LAYER_BYTES >> 20} MiB, median of ${ROUNDS} (wall s, CPU s, peak MiB)`)
  for (const what of ['pull', 'push']) {
    const of = (tool: string, field: keyof Sample) =>
      median((samples.get(`${what} ${tool}`) ?? []).map((sample) => sample[field]))
    for (const tool of Object.keys(tools)) {
      const figures = (['wallS', 'cpuS', 'peakMiB'] as const).map((field) =>
        of(tool, field).toFixed(2).padStart(8),
      )
      console.log(`${what}  ${tool.padEnd(10)}${figures.join('')}`)
    }
    const ratios = (['wallS', 'cpuS', 'peakMiB'] as const).map((field) =>
      (of('headstart', field) / of('skopeo', field)).toFixed(2).padStart(8),
    )
    console.log(`${what}  ratio     ${ratios.join('')}`)
  }
}
