/**
 * Answers made-up requests before the first real one: a start is short, and would otherwise be served by code that is not compiled yet.
 */
import type { NodeId } from '../file-system.ts'
import type { TreeIndex } from '../tree/tree-index.ts'
import { IN_HEADER_BYTES, OPCODE } from './codec.ts'

/** Enough for the compiler; more would only delay the mount. */
const NAMES = 1500

/** Of no bytes, at 0: struct fuse_read_in. */
const READ_NOTHING = Buffer.alloc(40)

/** @param answer of a tree whose accesses are not recorded */
export function rehearse(answer: (request: Buffer) => unknown, { nodes }: TreeIndex): void {
  const file = nodes.findIndex((node) => node?.attributes.type === 'reg')
  let left = NAMES
  for (let folder = 1; folder < nodes.length && left > 0; folder++) {
    for (const { name, node } of nodes[folder]?.children.values() ?? []) {
      if (left-- === 0) break
      answer(requestOf(OPCODE.LOOKUP, folder, Buffer.from(`${name}\0`, 'latin1')))
      answer(requestOf(OPCODE.LOOKUP, folder, Buffer.from(`${name}/\0`, 'latin1'))) // there is none
      answer(requestOf(OPCODE.OPEN, node))
      answer(requestOf(OPCODE.READLINK, node))
      answer(requestOf(OPCODE.RELEASE, node))
      if (file !== -1) answer(requestOf(OPCODE.READ, file, READ_NOTHING))
    }
  }
}

function requestOf(opcode: number, node: NodeId, body: Buffer = Buffer.alloc(0)): Buffer {
  const request = Buffer.alloc(IN_HEADER_BYTES + body.length)
  request.writeUInt32LE(request.length, 0)
  request.writeUInt32LE(opcode, 4)
  request.writeUInt32LE(node, 16)
  body.copy(request, IN_HEADER_BYTES)
  return request
}
