/** An index with two platforms and an attestation: both rebuilt, in order; the attestation untouched. */
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { verifyImage } from '../../image/estargz/verify.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import { rebuildIndex } from '../../optimizer/rebuild-index.ts'
import { writeImage } from '../support/images.ts'
import { file } from '../support/tar.ts'

const descriptor = z.looseObject({ mediaType: z.string(), digest: z.string(), size: z.number() })
const indexSchema = z.object({ manifests: z.array(descriptor) })
const INDEX = 'application/vnd.oci.image.index.v1+json'

const readIndex = async (path: string) => indexSchema.parse(JSON.parse(await readFile(path, 'utf8')))

/** The images of a layout under their tags, as one index tagged `all`. */
async function joinAsIndex(folder: string, entries: readonly object[]): Promise<string> {
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: entries, annotations: { kept: 'yes' } }),
  )
  const hex = createHash('sha256').update(bytes).digest('hex')
  await writeFile(join(folder, 'blobs/sha256', hex), bytes)
  const annotations = { 'org.opencontainers.image.ref.name': 'all' }
  const manifests = [{ mediaType: INDEX, digest: `sha256:${hex}`, size: bytes.length, annotations }]
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  return `oci:${folder}:all`
}

async function makeIndex(
  folder: string,
): Promise<{ reference: string; attestation: z.infer<typeof descriptor> }> {
  const made: z.infer<typeof descriptor>[] = []
  for (const content of ['amd64', 'arm64', 'attestation']) {
    await writeImage(folder, { layers: [[file('app', content), file('rest', 'rest')]] })
    const [only] = (await readIndex(join(folder, 'index.json'))).manifests
    if (only) made.push({ mediaType: only.mediaType, digest: only.digest, size: only.size })
  }
  const [amd64, arm64, proof] = made
  if (!proof) throw new Error('no image')
  const attestation = {
    ...proof,
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    platform: { os: 'unknown', architecture: 'unknown' },
  }
  const entries = [
    { ...arm64, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    attestation,
    { ...amd64, platform: { os: 'linux', architecture: 'amd64' } },
  ]
  return { reference: await joinAsIndex(folder, entries), attestation }
}

test('every platform is rebuilt in its place, and attestations stay as they are', async () => {
  const folder = await mkdtemp('/var/tmp/hs-index-')
  try {
    const { reference, attestation } = await makeIndex(join(folder, 'in'))
    const to = `oci:${join(folder, 'out')}:all`
    await using source = await openSource(reference)
    await using target = await openTarget(to)
    await target.prepare({ force: false })
    const index = await source.index()
    if (!index) throw new Error('no index')

    const { images } = await rebuildIndex({
      source,
      index,
      target,
      startup: [{ path: 'app', ranges: [], size: 5, afterReady: false, read: true }],
      profiled: { os: 'linux', architecture: 'amd64' },
      options: {},
    })

    expect(images.map(({ platform }) => platform)).toEqual(['linux/arm64/v8', 'linux/amd64'])
    await using result = await openSource(to)
    const rebuilt = await result.index()
    expect(rebuilt?.manifests.map(({ platform }) => platform?.architecture)).toEqual([
      'arm64',
      'unknown',
      'amd64',
    ])
    expect(rebuilt?.manifests[1]?.digest).toBe(attestation.digest)
    expect(JSON.parse(Buffer.from(rebuilt?.rawIndex ?? []).toString())).toMatchObject({
      annotations: { kept: 'yes' },
    })
    for (const architecture of ['amd64', 'arm64'])
      expect(await verifyImage(await result.image({ os: 'linux', architecture }))).toEqual([])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
