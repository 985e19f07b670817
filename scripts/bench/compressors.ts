/**
 * `npm run bench:compressors TAR`: compressors available to Node, on one thread, on the chunks of a layer: the content of each file
 * by itself, cut at 4 MiB. The compressors take turns on the same chunks, round by round; medians are printed as a table.
 */
import { createReadStream } from 'node:fs'
import { gzipSync as zlibGzip } from 'node:zlib'
import { gzipSync as fflateGzip } from 'fflate'
import { gzip as libdeflateGzip } from 'libdeflate'
import { scanTar } from '../../image/tar/scan.ts'
import { median } from '../../report/bench/stats.ts'
import { roundsOr } from '../support/measure.ts'

const ROUNDS = roundsOr(3)
const CHUNK = 4 << 20
/** Enough for a result, little enough to wait for. */
const SAMPLE_BYTES = 64 << 20

type Compress = (bytes: Uint8Array) => Uint8Array

const compressors: Record<string, Compress> = {
  'node:zlib 6': (bytes) => zlibGzip(bytes, { level: 6 }),
  'node:zlib 9': (bytes) => zlibGzip(bytes, { level: 9 }),
  'fflate 6': (bytes) => fflateGzip(bytes, { level: 6, mtime: 0 }),
  'libdeflate 5': (bytes) => libdeflateGzip(bytes, 5),
  'libdeflate 6': (bytes) => libdeflateGzip(bytes, 6),
  'libdeflate 7': (bytes) => libdeflateGzip(bytes, 7),
  'libdeflate 9': (bytes) => libdeflateGzip(bytes, 9),
  'libdeflate 12': (bytes) => libdeflateGzip(bytes, 12),
}

/** One of every few files, so that the sample resembles the whole. */
async function chunksOf(tar: string): Promise<Buffer[]> {
  const all: Buffer[] = []
  let content: Buffer[] = []
  const close = () => {
    const bytes = Buffer.concat(content)
    for (let at = 0; at < bytes.length; at += CHUNK) all.push(bytes.subarray(at, at + CHUNK))
    content = []
  }
  for await (const event of scanTar(createReadStream(tar, { highWaterMark: 1 << 20 }))) {
    if (event.kind === 'data') content.push(Buffer.from(event.bytes))
    else close()
  }
  close()
  const total = all.reduce((sum, { length }) => sum + length, 0)
  const step = Math.max(1, Math.round(total / SAMPLE_BYTES))
  return all.filter((_, index) => index % step === 0)
}

function measure(compress: Compress, chunks: readonly Buffer[]): { seconds: number; bytes: number } {
  const start = process.cpuUsage()
  let bytes = 0
  for (const chunk of chunks) bytes += compress(chunk).length
  const { user, system } = process.cpuUsage(start)
  return { seconds: (user + system) / 1e6, bytes }
}

const [tar] = process.argv.slice(2)
if (tar === undefined) throw new Error('usage: compressors.ts TAR')
const chunks = await chunksOf(tar)
const total = chunks.reduce((sum, { length }) => sum + length, 0)
const seconds = new Map<string, number[]>()
const sizes = new Map<string, number>()
for (let round = 0; round < ROUNDS; round++)
  for (const [name, compress] of Object.entries(compressors)) {
    const taken = measure(compress, chunks)
    seconds.set(name, [...(seconds.get(name) ?? []), taken.seconds])
    sizes.set(name, taken.bytes)
  }
console.log(`${chunks.length} chunks, ${(total / 1e6).toFixed(0)} MB\n`)
console.log('| | MB/s of CPU time | bytes left |\n| --- | ---: | ---: |')
for (const [name, times] of seconds)
  console.log(
    `| ${name} | ${(total / 1e6 / median(times)).toFixed(0)} | ${((sizes.get(name) ?? 0) / total).toFixed(4)} |`,
  )
