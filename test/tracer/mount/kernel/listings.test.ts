/** A folder listed in pieces: every name once, whatever room the kernel has for a piece. */
import { expect, test } from 'vitest'
import { OUT_HEADER_BYTES } from '../../../../tracer/mount/kernel/codec.ts'
import { createListings } from '../../../../tracer/mount/kernel/listings.ts'
import { createDirectoryFileSystem } from '../../../../tracer/mount/tree/directory.ts'
import { indexTree } from '../../../../tracer/mount/tree/tree-index.ts'
import { tempFolder } from '../../../support/temp.ts'

/** struct fuse_dirent: node (64), offset of the next (64), length of the name (32), type (32), name, to a multiple of 8. */
function* entriesIn(bytes: Buffer) {
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 16)
    yield {
      next: Number(bytes.readBigUInt64LE(at + 8)),
      name: bytes.toString('latin1', at + 24, at + 24 + length),
    }
    at += (24 + length + 7) & ~7
  }
}

test.each([40, 100, 4096])('room for %i bytes', async (room) => {
  await using temp = await tempFolder()
  const names = Array.from({ length: 20 }, (_, at) => 'x'.repeat(at + 1))
  for (const name of names.slice(0, 10)) await temp.sub(name)
  const out = Buffer.alloc(OUT_HEADER_BYTES + 8192)
  const listings = createListings(createDirectoryFileSystem(await indexTree(temp.path)), out)
  const seen: string[] = []
  for (let offset = 0; ; ) {
    const size = listings.write(1, offset, room, false)
    if (size === 0) break
    expect(size).toBeLessThanOrEqual(room)
    for (const { next, name } of entriesIn(out.subarray(OUT_HEADER_BYTES, OUT_HEADER_BYTES + size))) {
      seen.push(name)
      offset = next
    }
  }
  expect(seen.toSorted()).toEqual(['.', '..', ...names.slice(0, 10)].toSorted())
})
