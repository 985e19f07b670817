/** Small responses, whatever a gateway did to them. */
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readDocument } from '../../../image/registry/document.ts'

const text = Buffer.from('{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}')
const read = (body: Buffer, encoding?: string, limit = 1000) =>
  readDocument({ headers: { 'content-encoding': encoding }, body: Readable.from([body]) }, limit, {
    what: 'the answer',
    paceMs: 60_000,
  })

test('as it is, or as gzip that nobody asked for', async () => {
  for (const encoding of [undefined, '', 'identity']) expect(await read(text, encoding)).toEqual(text)
  for (const encoding of ['gzip', ' X-GZIP ']) expect(await read(gzipSync(text), encoding)).toEqual(text)
})

test('the limit holds for what arrives and for what it becomes', async () => {
  await expect(read(text, undefined, 10)).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
  await expect(read(gzipSync(text), 'gzip', text.length - 1)).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
})

test('another encoding, or a damaged one, is named', async () => {
  await expect(read(text, 'br')).rejects.toThrow(/the answer has the encoding "br", which was not requested/)
  await expect(read(text, 'gzip')).rejects.toThrow(/can't be decoded as "gzip"/)
})
