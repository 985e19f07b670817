/**
 * `npm run bench:pull`: a 300 MB image pulled from a registry into an OCI layout, and pushed from it, by `headstart copy` and by
 * `skopeo copy`, interleaved in one run. Prints medians of wall time, CPU time and peak memory.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { median } from '../../report/bench/stats.ts'
import { workspaceRoot } from '../../system/workspace.ts'
import { type CommandCost, measureCommand, roundsOr } from '../support/measure.ts'
import { startRegistry } from '../support/registry.ts'

const ROUNDS = roundsOr(5)
const LAYER_BYTES = 100 << 20
const LAYERS = 3

const run = promisify(execFile)

/** An image of random bytes, as an OCI layout. */
async function randomImage(folder: string): Promise<string> {
  const config = join(folder, 'config.json')
  await writeFile(config, '{}')
  const tars: string[] = []
  for (let index = 0; index < LAYERS; index++) {
    const [data, tar] = [join(folder, `data-${index}`), join(folder, `${index}.tar`)]
    await run('dd', ['if=/dev/urandom', `of=${data}`, 'bs=1M', `count=${LAYER_BYTES >> 20}`])
    await run('tar', ['cf', tar, '-C', folder, `data-${index}`])
    tars.push(tar)
  }
  const reference = `oci:${join(folder, 'original')}:v1`
  await run(process.execPath, [
    join(import.meta.dirname, '../image-from-tars.ts'),
    reference,
    config,
    ...tars,
  ])
  return reference
}

const headstart = join(import.meta.dirname, '../../cli/headstart.js')
const tools: Record<string, (from: string, to: string) => Promise<CommandCost>> = {
  headstart: (from, to) => measureCommand(process.execPath, [headstart, '--quiet', 'copy', from, to]),
  skopeo: (from, to) =>
    measureCommand('skopeo', ['copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false', from, to]),
}

const folder = await mkdtemp(join(workspaceRoot(), 'bench-pull-'))
try {
  await using registry = await startRegistry()
  const original = await randomImage(folder)
  await tools.skopeo?.(original, `docker://${registry.host}/source:v1`)
  const samples = new Map<string, CommandCost[]>()
  for (let round = 0; round < ROUNDS; round++)
    for (const [tool, copy] of Object.entries(tools)) {
      const layout = join(folder, `${tool}-${round}`)
      const add = (what: string, sample: CommandCost) =>
        samples.set(`${what} ${tool}`, [...(samples.get(`${what} ${tool}`) ?? []), sample])
      add('pull', await copy(`docker://${registry.host}/source:v1`, `oci:${layout}:v1`))
      // A fresh registry: skopeo remembers what it pushed to another one, and mounts it.
      await using fresh = await startRegistry()
      add('push', await copy(original, `docker://${fresh.host}/target:v1`))
      await rm(layout, { recursive: true })
    }
  print(samples)
} finally {
  await rm(folder, { recursive: true })
}

function print(samples: ReadonlyMap<string, readonly CommandCost[]>): void {
  console.log(`${LAYERS} layers of ${LAYER_BYTES >> 20} MiB, median of ${ROUNDS} (wall s, CPU s, peak MiB)`)
  for (const what of ['pull', 'push']) {
    const of = (tool: string, field: keyof CommandCost) =>
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
