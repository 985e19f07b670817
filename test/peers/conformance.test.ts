/** The distribution specification's own conformance program judges the registry that we serve images from, for what it claims to be: one to pull from. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serveImages } from '../../image/serve.ts'
import { openSource } from '../../image/sources.ts'
import { buildNewest } from '../../scripts/support/newest.ts'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { tryCommand } from '../../system/process/command.ts'
import { note } from '../support/artifacts.ts'
import { writeImage } from '../support/images.ts'
import { file } from '../support/tar.ts'

const PULLING = [
  'ping',
  ...['manifest-head-by-tag', 'manifest-head-by-digest', 'blob-head'].map((name) => `read-only/head/${name}`),
  ...['manifest-by-tag', 'manifest-by-digest', 'blob-get'].map((name) => `read-only/pull/${name}`),
  ...['by-digest', 'by-tag'].map((name) => `missing-manifest/${name}`),
  'invalid-digest-format/manifest-get',
  'read-only/referrers',
  'empty/referrers',
]

/** It exists as a module only. */
const sets = peerSets.filter((set) => set === 'newest')

test.each(sets)(
  'the registry conforms to what the specification says of pulling',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hs-conformance-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(folder, { recursive: true }))
    const image = await writeImage(join(folder, 'i'), { layers: [[file('a', 'one')], [file('b', 'two')]] })
    const source = stack.use(await openSource(image))
    const { descriptor, manifest } = await source.image()
    const server = stack.use(
      await serveImages(
        { 'team/app:v1': await source.image() },
        { 'team/app': [note(descriptor, 'one'), note(descriptor, 'two', 'application/vnd.example.other')] },
      ),
    )
    const program = join(await buildNewest('conformance'), 'conformance')
    const { stdout, stderr } = await tryCommand(program, [], {
      cwd: folder,
      env: {
        OCI_REGISTRY: server.host,
        OCI_TLS: 'disabled',
        OCI_REPO1: 'team/app',
        OCI_RESULTS_DIR: folder,
        OCI_API_PUSH: 'false',
        OCI_API_BLOBS_DELETE: 'false',
        OCI_API_MANIFESTS_DELETE: 'false',
        OCI_API_TAGS_DELETE: 'false',
        OCI_API_TAGS_LIST: 'false',
        OCI_API_REFERRER: 'true',
        OCI_API_BLOBS_DIGEST_HEADER: 'true',
        OCI_RO_DATA_TAGS: 'v1',
        OCI_RO_DATA_MANIFESTS: descriptor.digest,
        OCI_RO_DATA_REFERRERS: descriptor.digest,
        OCI_RO_DATA_BLOBS: [manifest.config, ...manifest.layers].map(({ digest }) => digest).join(' '),
      },
    })
    // Its exit status tells nothing: it fails to write a report of what it had no images of its own for.
    const results = new Map(
      [...stdout.matchAll(/^ *OCI Conformance Test\/(.+): (\w+)$/gm)].map(([, name = '', result]) => [
        name,
        result,
      ]),
    )
    const judged = [...results].filter(([, result]) => result !== 'Disabled')
    expect(
      judged.filter(([, result]) => result !== 'Pass'),
      stderr,
    ).toEqual([])
    expect(judged.map(([name]) => name)).toEqual(expect.arrayContaining(PULLING))
    expect(stdout).toMatch(/^OCI Conformance Result: Pass$/m)
  },
  BUILDING_MS,
)
