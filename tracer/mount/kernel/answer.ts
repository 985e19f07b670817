/** Answers requests of the kernel from a file system. Bytes in, bytes out; it knows nothing of how requests arrive. */
import { type FileSystem, MAX_NAME_BYTES } from '../file-system.ts'
import {
  ERRNO,
  finish,
  MAX_READ_BYTES,
  nameIn,
  OPCODE,
  OUT_HEADER_BYTES,
  parseRequest,
  type Request,
  writeAttr,
  writeBytes,
  writeEntry,
  writeInit,
  writeOpen,
  writeSize,
  writeStatfs,
} from './codec.ts'
import { createListings } from './listings.ts'

/** Size of the reply behind the header, or a negative errno, or undefined: no reply. */
type Outcome = number | undefined

/**
 * @returns a function from a request to the reply, valid until the next one; undefined where the kernel expects none. Reads are answered only where
 * the tree has `readInto`, and by `answerRead` elsewhere.
 */
export function createAnswerer(tree: FileSystem): (request: Buffer) => Buffer | undefined {
  const out = Buffer.alloc(OUT_HEADER_BYTES + MAX_READ_BYTES)
  const handle = createHandler(tree, out)
  return (bytes) => {
    let outcome: Outcome
    try {
      outcome = handle(parseRequest(bytes))
    } catch {
      outcome = -ERRNO.EIO
    }
    if (outcome === undefined) return undefined
    return finish(out, bytes, outcome < 0 ? -outcome : 0, outcome)
  }
}

function createHandler(tree: FileSystem, out: Buffer): (request: Request) => Outcome {
  /** behind the header */
  const space = out.subarray(OUT_HEADER_BYTES)
  const listings = createListings(tree, out)
  return ({ opcode, node, body }) => {
    switch (opcode) {
      case OPCODE.LOOKUP: {
        const name = nameIn(body)
        if (name.length > MAX_NAME_BYTES) return -ERRNO.ENAMETOOLONG
        const child = tree.lookup(node, name)
        return writeEntry(out, child ?? 0, child === undefined ? undefined : tree.attributes(child))
      }
      case OPCODE.GETATTR:
        return writeAttr(out, node, tree.attributes(node))
      case OPCODE.READLINK:
        return writeBytes(out, Buffer.from(tree.readlink(node), 'latin1'))
      case OPCODE.OPEN:
        tree.open(node)
        return writeOpen(out)
      case OPCODE.READ:
        return tree.readInto?.(node, offsetIn(body), space.subarray(0, lengthIn(body))) ?? -ERRNO.EIO
      case OPCODE.READDIR:
        return listings.write(node, offsetIn(body), body.readUInt32LE(16), false)
      case OPCODE.READDIRPLUS:
        return listings.write(node, offsetIn(body), body.readUInt32LE(16), true)
      case OPCODE.GETXATTR:
        if (tree.withoutXattrs) return -ERRNO.ENOSYS // then the kernel asks for no more of them
        return writeXattr(out, body, tree.xattr(node, nameIn(body, 8)))
      case OPCODE.LISTXATTR:
        if (tree.withoutXattrs) return -ERRNO.ENOSYS
        return writeXattr(out, body, xattrList(tree.xattrs(node)))
      case OPCODE.STATFS:
        return writeStatfs(out)
      case OPCODE.RELEASE:
        return 0
      case OPCODE.INIT:
        return writeInit(out, body)
      case OPCODE.DESTROY:
        return 0
      case OPCODE.FORGET:
      case OPCODE.BATCH_FORGET:
      case OPCODE.INTERRUPT:
        return undefined
      default:
        return -ERRNO.ENOSYS // the kernel stops asking for what is optional
    }
  }
}

const xattrList = (names: readonly string[]): Buffer =>
  Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1')

/** No room: only the size is asked for. */
function writeXattr(out: Buffer, body: Buffer, value: Buffer | undefined): number {
  const room = body.readUInt32LE(0)
  if (!value) return -ERRNO.ENODATA
  if (room === 0) return writeSize(out, value.length)
  return value.length > room ? -ERRNO.ERANGE : writeBytes(out, value)
}

export const isRead = (request: Buffer): boolean => parseRequest(request).opcode === OPCODE.READ

/** The reply to a read of a tree whose content may have to be fetched. @param request a copy: it is needed until then */
export async function answerRead(tree: FileSystem, request: Buffer): Promise<Buffer> {
  const { node, body } = parseRequest(request)
  try {
    const bytes = await tree.read(node, offsetIn(body), Math.min(lengthIn(body), MAX_READ_BYTES))
    const out = Buffer.allocUnsafe(OUT_HEADER_BYTES + bytes.length)
    return finish(out, request, 0, writeBytes(out, bytes))
  } catch {
    return finish(Buffer.alloc(OUT_HEADER_BYTES), request, ERRNO.EIO, 0)
  }
}

/** struct fuse_read_in: handle (64), offset (64), size, … */
const offsetIn = (body: Buffer): number => body.readUInt32LE(8) + body.readUInt32LE(12) * 2 ** 32
const lengthIn = (body: Buffer): number => body.readUInt32LE(16)
