/** What a manifest says of a zstd:chunked layer: true of what we write, and every lie about it is found. */
import { beforeAll, expect, test } from 'vitest'
import { FORMATS } from '../../../image/estargz/format/formats.ts'
import { ZSTD_FOOTER_BYTES } from '../../../image/estargz/format/zstd-footer.ts'
import { zstdClaimFaults } from '../../../image/layers/zstd-claims.ts'
import { dir, file, tarOf } from '../../support/tar.ts'
import { fetchOf, type MemoryLayer, writeInMemory } from '../estargz/in-memory.ts'

const PODMAN = 'io.github.containers.zstd-chunked.'
let layer: MemoryLayer
let annotations: Record<string, string>

beforeAll(async () => {
  const tar = await tarOf([dir('d/'), file('d/a', 'a'.repeat(9000)), file('d/b', 'b')])
  layer = await writeInMemory(tar, ['d/b'], { name: 'zstd:chunked+podman' })
  annotations = FORMATS['zstd:chunked+podman'].annotations({ ...layer, uncompressedSize: layer.tar.length })
})

const faultsOf = (changed: Record<string, string> = {}, bytes: Buffer = layer.bytes) =>
  zstdClaimFaults(
    { mediaType: '', digest: layer.diffId, size: bytes.length, annotations: { ...annotations, ...changed } },
    fetchOf(bytes),
  )

/** The annotation with its numbers changed. */
const moved = (name: string, change: (numbers: number[]) => number[]) => {
  const key = `${PODMAN}${name}`
  return { [key]: change((annotations[key] ?? '').split(':').map(Number)).join(':') }
}

test('what we write is true', async () => {
  expect(Object.keys(annotations)).toContain(`${PODMAN}tarsplit-position`)
  expect(await faultsOf()).toEqual([])
})

test.each(['manifest-position', 'tarsplit-position'])('%s: each number is checked', async (name) => {
  const lies: ((numbers: number[]) => number[])[] = [
    ([at = 0, ...rest]) => [at + 1, ...rest],
    ([at = 0, size = 0, ...rest]) => [at, size - 1, ...rest],
    ([at = 0, size = 0, content = 0, ...rest]) => [at, size, content - 1, ...rest],
    ([at = 0, size = 0, content = 0, ...rest]) => [at, size, content + 1, ...rest],
    ([at = 0, size = 0, , ...rest]) => [at, size, 2 ** 40, ...rest],
    ([, size = 0, ...rest]) => [2 ** 40, size, ...rest],
    ([at = 0, , ...rest]) => [at, 2 ** 40, ...rest],
  ]
  for (const lie of lies) {
    const faults = await faultsOf(moved(name, lie))
    expect(faults, String(lie)).toHaveLength(1)
    expect(faults[0]).toContain(`${PODMAN}${name}: `)
  }
  expect(await faultsOf({ [`${PODMAN}${name}`]: 'here' })).toEqual([
    expect.stringMatching(/is not a position$/),
  ])
})

test('so is the size that the footer states', async () => {
  const bytes = Buffer.from(layer.bytes)
  const at = bytes.length - ZSTD_FOOTER_BYTES + 8 + 16
  bytes.writeBigUInt64LE(bytes.readBigUInt64LE(at) + 1n, at)
  expect(await faultsOf({}, bytes)).toEqual([
    expect.stringContaining("the footer's table of contents: it unpacks to"),
  ])
})

test('and the digest of the tar-split data', async () => {
  const key = `${PODMAN}tarsplit-position`
  // The table of contents is a whole frame, too, but not this one.
  const [at, size, content] = (annotations[`${PODMAN}manifest-position`] ?? '').split(':')
  expect(await faultsOf({ [key]: `${at}:${size}:${content}` })).toEqual([
    expect.stringMatching(/^the tar-split data has the digest sha256:/),
  ])
})
