/** The kernel's protocol in bytes, without a mount. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAnswerer } from '../../../../tracer/mount/kernel/answer.ts'
import { IN_HEADER_BYTES, OPCODE } from '../../../../tracer/mount/kernel/codec.ts'
import { createDirectoryFileSystem } from '../../../../tracer/mount/tree/directory.ts'
import { indexTree } from '../../../../tracer/mount/tree/tree-index.ts'
import { tempFolder } from '../../../support/temp.ts'

const UNIQUE = Buffer.from('0102030405060708', 'hex')

function requestOf(opcode: number, node: number, body: Buffer): Buffer {
  const request = Buffer.alloc(IN_HEADER_BYTES + body.length)
  request.writeUInt32LE(request.length, 0)
  request.writeUInt32LE(opcode, 4)
  UNIQUE.copy(request, 8)
  request.writeUInt32LE(node, 16)
  body.copy(request, IN_HEADER_BYTES)
  return request
}

/** struct fuse_read_in */
function readOf(offset: number, size: number): Buffer {
  const body = Buffer.alloc(40)
  body.writeUInt32LE(offset, 8)
  body.writeUInt32LE(size, 16)
  return body
}

async function answering() {
  const temp = await tempFolder()
  await mkdir(join(temp.path, 'tree/dir'), { recursive: true })
  await writeFile(join(temp.path, 'tree/dir/file'), 'content')
  const answer = createAnswerer(createDirectoryFileSystem(await indexTree(join(temp.path, 'tree'))))
  const ask = (opcode: number, node: number, body: Buffer) => {
    const reply = answer(requestOf(opcode, node, body))
    if (!reply) return undefined
    expect(reply.readUInt32LE(0)).toBe(reply.length)
    expect(reply.subarray(8, 16)).toEqual(UNIQUE)
    return { error: -reply.readInt32LE(4), body: Buffer.from(reply.subarray(16)) }
  }
  const lookup = (node: number, name: string) =>
    ask(OPCODE.LOOKUP, node, Buffer.from(`${name}\0`))?.body.readUInt32LE(0) ?? -1
  return { ask, lookup, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() }
}

test('lookups give nodes; what is missing is node 0, which the kernel may remember', async () => {
  await using tree = await answering()
  const file = tree.lookup(tree.lookup(1, 'dir'), 'file')
  expect(file).toBeGreaterThan(1)
  expect(tree.lookup(1, 'missing')).toBe(0)
  expect(tree.ask(OPCODE.READ, file, readOf(3, 100))?.body.toString()).toBe('tent')
  expect(tree.ask(OPCODE.READ, file, readOf(100, 100))?.body.length).toBe(0)
})

test('no xattrs: the kernel is told to stop asking; writing and unknown calls are not implemented', async () => {
  await using tree = await answering()
  const ENOSYS = 38
  const getxattr = Buffer.concat([Buffer.alloc(8), Buffer.from('user.x\0')])
  expect(tree.ask(OPCODE.GETXATTR, 1, getxattr)?.error).toBe(ENOSYS)
  for (const opcode of [4, 9, 16, 4000]) expect(tree.ask(opcode, 1, Buffer.alloc(64))?.error).toBe(ENOSYS)
  expect(tree.ask(OPCODE.FORGET, 1, Buffer.alloc(8))).toBeUndefined()
})

test('whatever bytes come, there is a whole reply or none', async () => {
  await using tree = await answering()
  const opcodes = fc.oneof(fc.nat(60), fc.constantFrom(...Object.values(OPCODE)))
  fc.assert(
    fc.property(opcodes, fc.nat(10), fc.uint8Array({ maxLength: 100 }), (opcode, node, body) => {
      tree.ask(opcode, node, Buffer.from(body))
    }),
    { numRuns: 500 },
  )
})
