/** What a worker does, without one. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { checksum, compress, hash, readParts } from '../../../optimizer/compress/jobs.ts'
import { tempFolder } from '../../support/temp.ts'

const bytes = Buffer.from('one two three')
const job = { kind: 'compress', bytes: new Uint8Array(bytes).buffer, level: 6 } as const

test.each([
  ['gzip', gunzipSync],
  ['zstd', zstdDecompressSync],
] as const)('each member of %s can be decompressed alone', (codec, inflate) => {
  const result = compress({
    ...job,
    codec,
    members: [
      [0, 4],
      [4, 13],
    ],
    hashes: [[4, 7]],
  })
  const [first = 0] = result.sizes
  expect(inflate(result.output.subarray(0, first)).toString()).toBe('one ')
  expect(inflate(result.output.subarray(first)).toString()).toBe('two three')
  expect(result.digests).toEqual([digestOf(Buffer.from('two'))])
})

test('parts of files and of memory are one stream, whatever the size of a read', async () => {
  await using temp = await tempFolder()
  const file = join(temp.path, 'x')
  await writeFile(file, bytes)
  const parts = [{ file, start: 4, end: 8 }, Buffer.from('and '), { file, start: 8, end: 13 }]
  expect(await hash({ kind: 'hash', parts })).toMatchObject({
    digest: digestOf(Buffer.from('two and three')),
    size: 13,
  })
  const pieces: string[] = []
  for await (const piece of readParts(parts, () => Buffer.alloc(3)))
    pieces.push(Buffer.from(piece).toString())
  expect(pieces).toEqual(['two', ' ', 'and ', 'thr', 'ee'])
  await expect(hash({ kind: 'hash', parts: [{ file, start: 0, end: 14 }] })).rejects.toThrow(
    /shorter than 14/,
  )
})

test('each part of a file has a checksum of its own', async () => {
  await using temp = await tempFolder()
  const file = join(temp.path, 'x')
  await writeFile(file, 'ababab')
  const { sums } = await checksum({
    kind: 'checksum',
    file,
    spans: [
      [0, 2],
      [2, 4],
      [3, 5],
    ],
  })
  expect(sums.map((sum) => sum.length)).toEqual([8, 8, 8])
  expect(sums[1]).toEqual(sums[0])
  expect(sums[2]).not.toEqual(sums[0])
})
