/** weights.ts FILE: 32 × 16384 doubles in numpy's format (version 1.0), the same at every run. */
import { writeFileSync } from 'node:fs'

const rows = 32
const columns = 16_384
const dictionary = `{'descr': '<f8', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`
// Magic, version and length take 10 bytes; the header is padded so that the data starts at a multiple of 64.
const header = `${dictionary}${' '.repeat(63 - ((10 + dictionary.length) % 64))}\n`
const length = Buffer.alloc(2)
length.writeUInt16LE(header.length)
const values = Float64Array.from({ length: rows * columns }, (_, index) => Math.sin(index * 0.618) / columns)
writeFileSync(
  process.argv[2] ?? 'weights.npy',
  Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    length,
    Buffer.from(header, 'latin1'),
    Buffer.from(values.buffer),
  ]),
)
