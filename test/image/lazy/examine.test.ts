/** Would a node pull it lazily? Asked of a real registry, of one that refuses ranges, and of one that redirects. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import Docker from 'dockerode'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyImage } from '../../../image/copy.ts'
import { digestOf } from '../../../image/digest.ts'
import { TOC_DIGEST_ANNOTATION } from '../../../image/estargz/format/toc.ts'
import { examineLazy } from '../../../image/lazy/examine.ts'
import { type Finding, lazyFindings, wouldBeLazy } from '../../../image/lazy/findings.ts'
import { OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from '../../../image/media-types.ts'
import { hostPlatform } from '../../../image/platform.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { type ImageParts, type LayerPart, Layout } from '../../support/layout.ts'
import { dir, file, tarOf } from '../../support/tar.ts'
import { writeInMemory } from '../estargz/in-memory.ts'
import { type Fault, type SeenRequest, startFaultProxy } from '../registry/fault-proxy.ts'

let folder: string
let registry: TestRegistry
const layers: Record<string, LayerPart> = {}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-lazy-'))
  registry = await startRegistry()
  const layout = layoutOf('parts')
  const tar = await tarOf([
    dir('bin/'),
    file('bin/start', 'x'.repeat(50_000)),
    file('late', 'y'.repeat(90_000)),
  ])
  const estargz = async (zone: readonly string[]) => {
    const written = await writeInMemory(tar, zone)
    const part = await layout.put(written.bytes, OCI_LAYER_GZIP)
    return { ...part, diffId: written.diffId, annotations: { [TOC_DIGEST_ANNOTATION]: written.tocDigest } }
  }
  layers.zone = await estargz(['bin/start'])
  layers.noZone = await estargz([])
  layers.gzip = { ...(await layout.put(gzipSync(tar), OCI_LAYER_GZIP)), diffId: digestOf(tar) }
  layers.tar = { ...(await layout.put(tar, OCI_LAYER_GZIP)), diffId: digestOf(tar) }
  const frames = zstdCompressSync(tar)
  layers.zstd = { ...(await layout.put(frames, OCI_LAYER_ZSTD)), diffId: digestOf(tar) }
  const toc = zstdCompressSync(Buffer.from('{"version":1,"entries":[]}'))
  const chunked = Buffer.concat([frames, toc])
  const position = `${frames.length}:${toc.length}:26:1`
  layers.chunked = {
    ...(await layout.put(chunked, OCI_LAYER_ZSTD)),
    diffId: digestOf(tar),
    annotations: {
      'io.github.containers.zstd-chunked.manifest-checksum': digestOf(toc),
      'io.github.containers.zstd-chunked.manifest-position': position,
    },
  }
})

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** All share the blobs of one folder. */
const layoutOf = (name: string) => new Layout(join(folder, name === 'parts' ? 'layout' : name))

const layer = (name: string): LayerPart => {
  const found = layers[name]
  if (!found) throw new Error(`no layer ${name}`)
  return found
}

let count = 0

/** @returns where it was pushed, without the host */
async function pushed(parts: readonly LayerPart[], more?: ImageParts): Promise<string> {
  const layout = layoutOf('parts')
  await using source = await openSource(
    await layout.finish(await layout.image(hostPlatform().architecture, parts, more)),
  )
  const name = `app:v${++count}`
  await using target = await openTarget(`docker://${registry.host}/${name}`)
  await target.prepare({ force: true })
  await copyImage(await source.image(), target)
  return name
}

async function examined(place: string) {
  await using source = await openSource(place)
  const facts = await examineLazy(source)
  const findings = lazyFindings(facts)
  return { facts, findings, lazy: wouldBeLazy(findings) }
}

const inRegistry = async (...parts: readonly LayerPart[]) =>
  examined(`docker://${registry.host}/${await pushed(parts)}`)

const preventing = (findings: readonly Finding[]) =>
  findings.filter(({ prevents }) => prevents).map(({ layers, sentence }) => [layers, sentence])

test('eStargz in a registry that answers ranges', async () => {
  const { facts, findings, lazy } = await inRegistry(layer('zone'), layer('noZone'))
  expect(facts.layers).toMatchObject([
    {
      format: 'estargz',
      annotated: true,
      landmark: 'prefetch',
      ranges: { status: 206, isRight: true, redirects: 0 },
    },
    { format: 'estargz', annotated: true, landmark: 'no-prefetch', zoneBytes: 0 },
  ])
  expect(facts.layers[0]?.zoneBytes).toBeGreaterThan(0)
  expect(facts.layers[0]?.tocBytes).toBeGreaterThan(0)
  expect([findings, lazy]).toEqual([[], true])
})

test('nothing ahead of any landmark is worth a word', async () => {
  const { findings, lazy } = await inRegistry(layer('noZone'))
  expect(findings).toMatchObject([
    { prevents: false, sentence: expect.stringMatching(/^nothing in it is prefetched/) },
  ])
  expect(lazy).toBe(true)
})

describe('layers that are pulled whole', () => {
  test('plain ones, each by its compression, and all of a kind together', async () => {
    const { facts, findings, lazy } = await inRegistry(
      layer('gzip'),
      layer('zone'),
      layer('zstd'),
      layer('tar'),
      { ...layer('gzip') },
    )
    expect(facts.layers.map(({ format }) => format)).toEqual(['gzip', 'estargz', 'zstd', 'tar', 'gzip'])
    expect(preventing(findings)).toEqual([
      [[0, 4], expect.stringMatching(/^plain gzip, without a table of contents/)],
      [[2], expect.stringMatching(/^plain zstd/)],
      [[3], expect.stringMatching(/^plain tar/)],
    ])
    expect(lazy).toBe(false)
  })

  test('eStargz whose table of contents the manifest does not name', async () => {
    const { annotations: _, ...bare } = layer('zone')
    const { findings } = await inRegistry(bare)
    expect(preventing(findings)).toEqual([[[0], expect.stringMatching(/^the manifest has no .*toc\.digest/)]])
  })

  test("in a manifest of Docker's, which has no place for it", async () => {
    const { annotations: _, ...bare } = layer('zone')
    const docker = { ...bare, mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' }
    const name = await pushed([docker], { kind: 'docker' })
    const { findings } = await examined(`docker://${registry.host}/${name}`)
    expect(preventing(findings)).toEqual([[[0], expect.stringMatching(/^the manifest is Docker's/)]])
  })

  test('whose table of contents is another one', async () => {
    const wrong = {
      ...layer('zone'),
      annotations: { [TOC_DIGEST_ANNOTATION]: digestOf(Buffer.from('other')) },
    }
    const { facts, findings } = await inRegistry(wrong)
    expect(facts.layers[0]?.format).toBe('estargz')
    expect(preventing(findings)).toEqual([
      [[0], expect.stringMatching(/^the table of contents has the digest .*; the manifest says/)],
    ])
  })
})

describe('zstd:chunked', () => {
  test('is for podman and CRI-O', async () => {
    const { facts, findings, lazy } = await inRegistry(layer('chunked'))
    expect(facts.layers[0]).toMatchObject({ format: 'zstd:chunked', fault: undefined })
    expect(findings).toMatchObject([{ prevents: false, sentence: expect.stringMatching(/podman and CRI-O/) }])
    expect(lazy).toBe(true)
  })

  test.each([
    ['manifest-checksum', digestOf(Buffer.from('other')), /has the digest/],
    ['manifest-position', '99999999:10:10:1', /outside of the layer/],
    ['manifest-position', '10:0:10:1', /outside of the layer/],
    ['manifest-position', 'nonsense', /outside of the layer/],
  ])('whose %s says %s', async (name, value, said) => {
    const { annotations, ...rest } = layer('chunked')
    const wrong = { ...Object(annotations), [`io.github.containers.zstd-chunked.${name}`]: value }
    const { findings, lazy } = await inRegistry({ ...rest, annotations: wrong })
    expect([preventing(findings), lazy]).toEqual([[[[0], expect.stringMatching(said)]], false])
  })
})

describe('registries', () => {
  /** Examines an image behind a proxy that does this to requests for blobs with a range. */
  async function behind(fault: (seen: SeenRequest, host: string) => Fault | undefined) {
    const name = await pushed([layer('zone'), layer('noZone')])
    let host = ''
    await using proxy = await startFaultProxy(registry.host, (_, seen) =>
      seen.path.includes('/blobs/') && seen.headers.range !== undefined ? fault(seen, host) : undefined,
    )
    host = proxy.host
    const { findings, ...rest } = await examined(`docker://${host}/${name}`)
    return { ...rest, findings: preventing(findings), requests: proxy.seen }
  }

  test('that ignore ranges: nothing is fetched to find that out', async () => {
    const { facts, findings, requests } = await behind(() => 'no ranges')
    expect(facts.layers.map(({ format }) => format)).toEqual(['unread', 'unread'])
    expect(findings).toEqual([
      [
        [0, 1],
        expect.stringMatching(/^127.0.0.1:\d+ ignores requests for ranges .* \(200 instead of 206\)$/),
      ],
    ])
    expect(requests.filter(({ headers }) => headers.range !== undefined)).toHaveLength(2)
  })

  test('that answer them with less than the range', async () => {
    const { findings } = await behind(() => ({ status: 206 }))
    expect(findings).toEqual([[[0, 1], expect.stringMatching(/without saying which bytes of how many/)]])
  })

  test('that redirect once, with the range', async () => {
    const { facts, findings } = await behind(({ path }) => redirect(`http://${registry.host}${path}`))
    expect(facts.layers).toMatchObject([
      { format: 'estargz', ranges: { status: 206, redirects: 1, host: registry.host } },
      { format: 'estargz' },
    ])
    expect(findings).toEqual([])
  })

  test('that redirect twice, which the stargz snapshotter does not follow', async () => {
    const { findings } = await behind(({ path }, host) =>
      redirect(path.endsWith('?again') ? `http://${registry.host}${path}` : `http://${host}${path}?again`),
    )
    expect(findings).toEqual([[[0, 1], expect.stringMatching(/redirects 2 times/)]])
  })

  test('that refuse them', async () => {
    const { facts, findings } = await behind(() => ({ status: 416 }))
    expect(facts.layers.map(({ format }) => format)).toEqual(['unread', 'unread'])
    expect(findings[0]?.[1]).toMatch(/answered 416/)
  })

  const redirect = (location: string): Fault => ({ status: 307, headers: { location } })
})

describe('elsewhere', () => {
  test('a layout is examined, and its place is said', async () => {
    const layout = layoutOf('parts')
    const place = await layout.finish(await layout.image(hostPlatform().architecture, [layer('zone')]))
    const { facts, findings, lazy } = await examined(place)
    expect(facts).toMatchObject({ transport: 'oci', layers: [{ format: 'estargz', ranges: undefined }] })
    expect(findings).toMatchObject([
      { prevents: false, sentence: expect.stringMatching(/^it is in a layout/) },
    ])
    expect(lazy).toBe(true)
  })

  test('an encrypted layer is named', async () => {
    const layout = layoutOf('parts')
    const encrypted = { ...layer('gzip'), mediaType: `${OCI_LAYER_GZIP}+encrypted` }
    const place = await layout.finish(await layout.image(hostPlatform().architecture, [encrypted]))
    await expect(examined(place)).rejects.toThrow(/a layer is encrypted/)
  })

  test("an engine's image is not what a node pulls, and isn't read", async () => {
    const layout = layoutOf('parts')
    const place = await layout.finish(await layout.image(hostPlatform().architecture, [layer('gzip')]))
    const name = `docker-daemon:hs-lazy-${process.pid}:1`
    {
      await using source = await openSource(place)
      await using target = await openTarget(name)
      await target.prepare({ force: true })
      await copyImage(await source.image(), target)
    }
    try {
      const { facts, findings } = await examined(name)
      expect(facts.layers).toEqual([])
      expect(findings).toEqual([
        {
          prevents: true,
          layers: [],
          sentence: expect.stringMatching(/ask about docker:\/\/hs-lazy-\d+:1$/),
        },
      ])
    } finally {
      await new Docker().getImage(name.replace('docker-daemon:', '')).remove({ force: true })
    }
  })
})
