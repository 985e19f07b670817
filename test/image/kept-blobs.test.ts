/** Small blobs are asked for once, by whatever keeps them, and only what is right is kept. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { digestOf } from '../../image/digest.ts'
import { keeping } from '../../image/kept-blobs.ts'
import type { BlobStore } from '../../image/source-from-store.ts'
import type { Descriptor, Digest } from '../../image/types.ts'
import { readBounded } from '../../system/files/read-bounded.ts'

const content = Buffer.from('{"a config": true}')
const descriptor: Descriptor = { mediaType: 'x', digest: digestOf(content), size: content.length }

function kept(answer = content) {
  const asked: string[] = []
  const store: BlobStore = {
    name: 'store',
    root: () => Promise.reject(new Error('no root')),
    open: async ({ digest }) => {
      asked.push(digest)
      return Readable.from([answer], { objectMode: false })
    },
    async [Symbol.asyncDispose]() {},
  }
  const known = new Map<Digest, Buffer>()
  const keeper = {
    get: async (digest: Digest) => known.get(digest),
    put: (digest: Digest, bytes: Buffer) => void known.set(digest, bytes),
  }
  const read = async (wanted: Descriptor, range?: { start: number; end: number }) =>
    readBounded(
      await keeping({ ...store, beside: () => store }, keeper).open(wanted, range, undefined),
      100,
      'it',
    )
  return { asked, known, read }
}

test('a blob is asked for once', async () => {
  const { asked, read } = kept()
  expect(await read(descriptor)).toEqual(content)
  expect(await read(descriptor)).toEqual(content)
  expect(asked).toEqual([descriptor.digest])
})

test('ranges and large blobs are not kept', async () => {
  const { asked, known, read } = kept()
  await read(descriptor, { start: 0, end: 1 })
  await read({ ...descriptor, size: 1 << 30 })
  expect([asked.length, known.size]).toEqual([2, 0])
})

test('what is not what was asked for is passed on to whoever checks it, and not kept', async () => {
  const { known, read } = kept(Buffer.from('{"a config": null}'))
  await read(descriptor)
  expect(known.size).toBe(0)
})
