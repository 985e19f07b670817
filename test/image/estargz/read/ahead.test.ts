/** A layer decoded ahead of its reader. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { digestOf } from '../../../../image/digest.ts'
import { decodeAhead } from '../../../../image/estargz/read/ahead.ts'
import { allGroups } from '../../../../image/estargz/read/groups.ts'

const HEADERS = Buffer.alloc(1024, 'h')
/** Too large and too small to be decoded in the background, in turns; none of it shrinks. */
const files = Array.from({ length: 12 }, (_, index) => randomBytes(index % 2 === 0 ? 200_000 : 300))

function layerOf(contents: readonly Buffer[]) {
  const members = contents.map((content) => Buffer.concat([gzipSync(content), gzipSync(HEADERS)]))
  let end = 0
  const chunks = contents.map((content, index) => {
    const offset = end
    end += members[index]?.length ?? 0
    return { offset, end, innerOffset: 0, fileOffset: 0, size: content.length, digest: digestOf(content) }
  })
  return { bytes: Buffer.concat(members), groups: allGroups(chunks, end) }
}

async function decoded(stream: Readable, groups: ReturnType<typeof layerOf>['groups']) {
  const contents: Buffer[] = []
  const errors: string[] = []
  let tail: Buffer | undefined
  try {
    for await (const { group, members, bytes } of decodeAhead(stream, groups)) {
      if (group === undefined) tail = bytes
      try {
        for (const { content } of members) contents.push(content)
      } catch (error) {
        errors.push(`at ${group?.offset}: ${String(error)}`)
      }
    }
  } catch (error) {
    errors.push(String(error))
  }
  return { contents, errors, tail }
}

const expected = files.flatMap((content) => [content, HEADERS])

test('members come in their order, whether they are decoded ahead or not; what follows the last comes as it is', async () => {
  const { bytes, groups } = layerOf(files)
  const result = await decoded(Readable.from([bytes, Buffer.from('table')]), groups)
  expect(result).toEqual({ contents: expected, errors: [], tail: Buffer.from('table') })
})

test('a stream that fails at its end does so after all that came before it', async () => {
  const { bytes, groups } = layerOf(files)
  const failing = Readable.from(
    (function* () {
      yield bytes
      throw new Error('another digest')
    })(),
  )
  const { contents, errors } = await decoded(failing, groups)
  expect(contents).toEqual(expected)
  expect(errors).toEqual(['Error: another digest'])
})

test('damage shows where it is, and what comes after it is decoded all the same', async () => {
  const { bytes, groups } = layerOf(files)
  const at = groups[4]?.offset ?? 0
  bytes.writeUInt8(bytes.readUInt8(at + 100_000) ^ 1, at + 100_000)
  const { contents, errors } = await decoded(Readable.from([bytes]), groups)
  expect(errors).toEqual([
    expect.stringMatching(new RegExp(`^at ${at}: .*a gzip member (is damaged|has a wrong)`)),
  ])
  expect(contents).toEqual(expected.filter((_, index) => index !== 8 && index !== 9))
})

test('more behind a chunk than other writers put there is decoded within the group’s own limit', async () => {
  const trailing = Buffer.concat([files[0] ?? HEADERS, Buffer.alloc(200_000)])
  const member = gzipSync(trailing)
  const chunk = {
    offset: 0,
    end: member.length,
    innerOffset: 0,
    fileOffset: 0,
    size: 200_000,
    digest: undefined,
  }
  const { contents, errors } = await decoded(Readable.from([member]), allGroups([chunk], member.length))
  expect({ contents, errors }).toEqual({ contents: [trailing], errors: [] })
})
