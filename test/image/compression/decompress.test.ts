/** Layers in every compression, cut anywhere. */
import { execFileSync } from 'node:child_process'
import { Readable } from 'node:stream'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { decompress } from '../../../image/compression/decompress.ts'
import { END_OF_TAR, plainFileHeader } from '../../../image/tar/encode.ts'
import { readBounded } from '../../../system/files/read-bounded.ts'
import { inPieces } from '../../support/in-pieces.ts'

const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) & 0x3f))
const half = content.length / 2
const skippable = Buffer.from([0x5e, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5])
const frame = (bytes: Buffer, checksum = 0) =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: checksum } })
const zstdTool = (...args: string[]) =>
  execFileSync('zstd', ['-c', ...args], { input: content, maxBuffer: 1 << 26 })

const unpack = async (bytes: Buffer, size: number): Promise<{ compression: string; bytes: Buffer }> => {
  const { compression, stream } = await decompress(
    Readable.from(inPieces(bytes, size), { objectMode: false }),
  )
  return { compression, bytes: await readBounded(stream, 1 << 24, 'the layer') }
}

const cases: [string, string, Buffer][] = [
  ['none', 'nothing', content],
  ['gzip', 'one member', gzipSync(content)],
  [
    'gzip',
    'two members',
    Buffer.concat([gzipSync(content.subarray(0, half)), gzipSync(content.subarray(half))]),
  ],
  ['zstd', 'one frame', frame(content)],
  ['zstd', 'two frames', Buffer.concat([frame(content.subarray(0, half)), frame(content.subarray(half), 1)])],
  [
    'zstd',
    'skippable frames around',
    Buffer.concat([skippable, frame(content, 1), skippable, frame(Buffer.alloc(0)), skippable]),
  ],
  ['zstd', 'zeros, as runs', frame(Buffer.alloc(300_000))],
  ['zstd', "the tool's own, no size in its header", zstdTool('--no-content-size')],
  ['zstd', "the tool's own, with long distance", zstdTool('--long=27', '-19')],
]
test.each(cases)('%s: %s', async (compression, name, bytes) => {
  const want = name.startsWith('zeros') ? Buffer.alloc(300_000) : content
  for (const size of [1 << 20, 4099, 97]) {
    const found = await unpack(bytes, size)
    expect(found.compression).toBe(compression)
    expect(found.bytes.equals(want)).toBe(true)
  }
})

test.each(['gzip', 'zstd'])('a cut %s layer fails', async (kind) => {
  const bytes = kind === 'gzip' ? gzipSync(content) : frame(content)
  await expect(unpack(bytes.subarray(0, bytes.length - 20), 4096)).rejects.toThrow()
})

test('more than allowed is an error, not memory', async () => {
  const { stream } = await decompress(Readable.from([gzipSync(Buffer.alloc(1 << 20))]), { maxBytes: 1 << 16 })
  await expect(readBounded(stream, 1 << 24, 'x')).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
})

test.each([28, 31, 41])(
  'a zstd frame that asks for a window of 2^%i bytes is refused, and none is made',
  async (log) => {
    // Magic, a descriptor without sizes, the window, and a last block of one byte as it is.
    const bytes = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 9, 0, 0, 0x61])
    const { stream } = await decompress(Readable.from([bytes], { objectMode: false }))
    await expect(readBounded(stream, 1 << 24, 'x')).rejects.toThrow()
    expect(process.memoryUsage().rss).toBeLessThan(1 << 30)
    const usual = Buffer.from(bytes).fill((27 - 10) << 3, 5, 6)
    const small = await decompress(Readable.from([usual], { objectMode: false }))
    expect(`${await readBounded(small.stream, 1 << 24, 'x')}`).toBe('a')
  },
)

test('the error of the source comes through', async () => {
  const source = Readable.from(
    (async function* () {
      yield gzipSync(content).subarray(0, 100)
      throw new Error('the network went away')
    })(),
    { objectMode: false },
  )
  const { stream } = await decompress(source)
  await expect(readBounded(stream, 1 << 24, 'x')).rejects.toThrow('the network went away')
})

test.each(['BZh9', ']', 'LZIP', '\x04"'])('a tar whose first file is called %j is a tar', async (name) => {
  const tar = Buffer.concat([plainFileHeader(name, 0), END_OF_TAR])
  const { compression } = await decompress(Readable.from([tar], { objectMode: false }))
  expect(compression).toBe('none')
})

test.each([0, 1, 9, 10, 11])(
  'a blob of %i bytes, shorter than a head or as long, is read whole',
  async (size) => {
    for (const piece of [1, 64])
      expect((await unpack(content.subarray(0, size), piece)).bytes).toHaveLength(size)
  },
)
