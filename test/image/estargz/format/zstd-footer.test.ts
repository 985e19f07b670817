/** The footer of zstd:chunked. */
import { expect, test } from 'vitest'
import {
  encodeZstdFooter,
  parseZstdFooter,
  ZSTD_FOOTER_BYTES,
} from '../../../../image/estargz/format/zstd-footer.ts'

const place = { offset: 308, size: 40, content: 900 }

test('it says where the table of contents is', () => {
  const footer = encodeZstdFooter(place)
  expect(footer).toHaveLength(ZSTD_FOOTER_BYTES)
  expect(parseZstdFooter(footer, 1000)).toEqual(place)
  expect(parseZstdFooter(Buffer.concat([Buffer.alloc(3), footer]), 1000)).toEqual(place)
})

test('what is none is none, and one that points out of the blob is a fault', () => {
  expect(parseZstdFooter(Buffer.alloc(ZSTD_FOOTER_BYTES), 1000)).toBeUndefined()
  expect(parseZstdFooter(encodeZstdFooter(place).subarray(1), 1000)).toBeUndefined()
  expect(() => parseZstdFooter(encodeZstdFooter({ ...place, size: 4000 }), 1000)).toThrow(
    /at 308 of 1000 bytes/,
  )
  expect(() => parseZstdFooter(encodeZstdFooter({ ...place, offset: 4 }), 1000)).toThrow(/at 4 of 1000 bytes/)
})
