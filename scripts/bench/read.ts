/**
 * `npm run bench:read [KIND…]`: what it takes to verify and to inspect demo images (nginx and jvm unless told), after `optimize`, from a layout and
 * from a registry; next to it the floor of verifying, coreutils and gzip hashing what is stored and what it unpacks to. All take turns;
 * medians and ratios to the floor are printed.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openSource } from '../../image/sources.ts'
import { median } from '../../report/bench/stats.ts'
import { workspaceRoot } from '../../system/workspace.ts'
import { type DemoKind, demoImages, makeDemoImage } from '../demo-image/images.ts'
import { type CommandCost, measureCommand, roundsOr } from '../support/measure.ts'
import { startRegistry } from '../support/registry.ts'

const ROUNDS = roundsOr(5)
const HEADSTART = new URL('../../cli/headstart.js', import.meta.url).pathname
/** A start in the reference's format. */
const ONE_FILE = '{"path":"etc/passwd"}\n'

const isKind = (text: string): text is DemoKind => Object.hasOwn(demoImages, text)

const headstart = (...args: readonly string[]) => measureCommand(process.execPath, [HEADSTART, ...args])

/** One pass over the stored bytes, one over what they unpack to. */
const FLOOR = 'cd "$1"; shift; for blob; do sha256sum "$blob" & gzip -dc "$blob" | sha256sum; wait; done'

async function blobsOf(image: string): Promise<string[]> {
  await using source = await openSource(image)
  const { layers } = await source.image()
  return layers.map(({ descriptor }) => descriptor.digest.slice('sha256:'.length))
}

async function bench(kind: DemoKind, folder: string, host: string): Promise<void> {
  const { image } = await makeDemoImage(kind)
  const layout = join(folder, kind)
  const converted = `oci:${layout}:latest`
  const [pushed, plain] = ['esgz', 'plain'].map((tag) => `docker://${host}/${kind}:${tag}`)
  if (pushed === undefined || plain === undefined) throw new Error('two names')
  await headstart('optimize', image, converted, '--trace', join(folder, 'trace.jsonl'))
  await headstart('copy', converted, pushed)
  await headstart('copy', image, plain)
  const blobs = await blobsOf(converted)
  const arms: Record<string, () => Promise<CommandCost>> = {
    'hashing alone': () => measureCommand('sh', ['-c', FLOOR, 'sh', join(layout, 'blobs/sha256'), ...blobs]),
    'verify, layout': () => headstart('verify', converted),
    'verify, registry': () => headstart('verify', pushed),
    'inspect, layout': () => headstart('inspect', converted),
    'inspect, registry': () => headstart('inspect', pushed),
    'inspect, registry, plain image': () => headstart('inspect', plain),
    '--version': () => headstart('--version'),
  }
  const costs = new Map<string, CommandCost[]>()
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, run] of Object.entries(arms)) costs.set(name, [...(costs.get(name) ?? []), await run()])
  print(kind, costs)
}

function print(kind: DemoKind, costs: ReadonlyMap<string, readonly CommandCost[]>): void {
  const of = (name: string, field: keyof CommandCost) =>
    median((costs.get(name) ?? []).map((cost) => cost[field]))
  const floor = (field: keyof CommandCost) => of('hashing alone', field)
  console.log(`\n| ${kind} | wall | CPU | peak memory |\n| --- | ---: | ---: | ---: |`)
  for (const name of costs.keys()) {
    const ratio = (field: 'wallS' | 'cpuS') =>
      `${of(name, field).toFixed(2)} s (${(of(name, field) / floor(field)).toFixed(2)})`
    console.log(`| ${name} | ${ratio('wallS')} | ${ratio('cpuS')} | ${of(name, 'peakMiB').toFixed(0)} MiB |`)
  }
}

const given = process.argv.slice(2)
const kinds = given.length === 0 ? (['nginx', 'jvm'] as const) : given.filter(isKind)
const folder = await mkdtemp(join(workspaceRoot(), 'bench-read-'))
try {
  await writeFile(join(folder, 'trace.jsonl'), ONE_FILE)
  await using registry = await startRegistry()
  for (const kind of kinds) await bench(kind, folder, registry.host)
} finally {
  await rm(folder, { recursive: true, force: true })
}
