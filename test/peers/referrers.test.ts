/**
 * oras, and a registry with the referrers API, are the judges of what we attach: each finds what the other has attached, in that registry, in one that keeps
 * no lists, and in a layout.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openSource } from '../../image/sources.ts'
import type { Descriptor } from '../../image/types.ts'
import { buildNewest } from '../../scripts/support/newest.ts'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { startRegistry } from '../../scripts/support/registry.ts'
import { freePort } from '../../scripts/support/serve.ts'
import { until } from '../../scripts/support/until.ts'
import { runCommand } from '../../system/process/command.ts'
import { TRACE_ARTIFACT, traceArtifact } from '../../tracer/trace/artifact.ts'
import { traceText } from '../../tracer/trace/file.ts'
import { attachAt, listAt } from '../support/artifacts.ts'
import { copy } from '../support/copy.ts'
import { writeImage } from '../support/images.ts'
import { file } from '../support/tar.ts'
import { traceFile, traceOf } from '../tracer/trace/traces.ts'

/** They exist as modules only. */
const isBuilt = peerSets.includes('newest')
let folder: string
let programs: string
let original: string
let image: Descriptor
const places = new Map<string, string>()
const stack = new AsyncDisposableStack()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-oras-'))
  stack.defer(() => rm(folder, { recursive: true }))
  original = await writeImage(join(folder, 'i'), { layers: [[file('a', 'one')]] })
  await using source = await openSource(original)
  image = (await source.image()).descriptor
  if (!isBuilt) return
  programs = await buildNewest('referrers')
  places.set('API', await startListing())
  places.set('tag', stack.use(await startRegistry()).host)
}, BUILDING_MS)
afterAll(() => stack.disposeAsync())

/** @returns the address of a registry that keeps lists, in memory */
async function startListing(): Promise<string> {
  const host = `127.0.0.1:${await freePort()}`
  const child = spawn(join(programs, 'referrers'), [host], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  stack.defer(async () => {
    child.kill()
    await ended
  })
  await until(
    'the registry answers',
    async () => (await fetch(`http://${host}/v2/`).catch(() => undefined)) !== undefined,
  )
  return host
}

const oras = (...args: string[]) =>
  runCommand(join(programs, 'oras'), args, { cwd: folder, env: { ...process.env, HOME: folder } })

const foundSchema = z.object({
  referrers: z.array(z.object({ digest: z.string(), artifactType: z.string() })).nullish(),
})

test.each(isBuilt ? ['API', 'tag', 'layout'] : [])(
  'what oras attaches is found by us, and what we attach by oras: %s',
  async (kind) => {
    const host = places.get(kind)
    const place = host ? `docker://${host}/app:v1` : `oci:${folder}/layout:v1`
    const [name, flags] = host ? [`${host}/app`, ['--plain-http']] : [`${folder}/layout`, ['--oci-layout']]
    await copy(original, place)
    const trace = traceOf([traceFile('a')])
    const ours = traceArtifact(trace, image, 'web')
    await attachAt(place, ours)
    await writeFile(join(folder, 'sbom.json'), '{}')
    await oras('attach', ...flags, '--artifact-type', 'application/spdx+json', `${name}:v1`, 'sbom.json')

    const listed = await listAt(place, image.digest)
    const types = listed.map(({ artifactType }) => artifactType)
    expect(types.toSorted()).toEqual(['application/spdx+json', TRACE_ARTIFACT])
    const discovered = foundSchema.parse(
      JSON.parse(await oras('discover', ...flags, '--format', 'json', `${name}:v1`)),
    )
    const digests = (discovered.referrers ?? []).map(({ digest }) => digest)
    expect(digests.toSorted()).toEqual(listed.map(({ digest }) => digest).toSorted())
    await oras('pull', ...flags, '-o', `pulled-${kind}`, `${name}@${ours.referrer.digest}`)
    const pulled = await readFile(join(folder, `pulled-${kind}/trace.json.gz`))
    expect(gunzipSync(pulled).toString()).toBe(traceText(trace))
  },
)
