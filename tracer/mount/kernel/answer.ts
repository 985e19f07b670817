/** Answers requests of the kernel from a file system. Bytes in, bytes out; it knows nothing of how requests arrive. */
import { type DirectoryEntry, type FileSystem, MAX_NAME_BYTES, type NodeId } from '../file-system.ts'
import {
  direntBytes,
  ENTRY_BYTES,
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
  writeDirent,
  writeEntry,
  writeInit,
  writeOpen,
  writeSize,
  writeStatfs,
} from './codec.ts'

/** Size of the reply behind the header, or a negative errno, or undefined: no reply. */
type Outcome = number | undefined

/**
 * @returns a function from a request to the reply, valid until the next one; undefined where the kernel expects none. Reads are answered only where
 * the tree has `readInto`, and by `answerRead` elsewhere.
 */
export function createAnswerer(tree: FileSystem): (request: Buffer) => Buffer | undefined {
  const out = Buffer.alloc(OUT_HEADER_BYTES + MAX_READ_BYTES)
  /** behind the header */
  const space = out.subarray(OUT_HEADER_BYTES)
  const listings = createListings(tree, out)

  function handle({ opcode, node, body }: Request): Outcome {
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
        return xattr(tree.withoutXattrs, body, () => tree.xattr(node, nameIn(body, 8)))
      case OPCODE.LISTXATTR:
        return xattr(tree.withoutXattrs, body, () =>
          Buffer.from(
            tree
              .xattrs(node)
              .map((name) => `${name}\0`)
              .join(''),
            'latin1',
          ),
        )
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

  /** After a first answer of ENOSYS the kernel asks for no more attributes. */
  function xattr(never: boolean, body: Buffer, find: () => Buffer | undefined): number {
    if (never) return -ERRNO.ENOSYS
    const value = find()
    const room = body.readUInt32LE(0)
    if (!value) return -ERRNO.ENODATA
    if (room === 0) return writeSize(out, value.length)
    return value.length > room ? -ERRNO.ERANGE : writeBytes(out, value)
  }

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

/** Listings are requested in pieces; the whole is kept from the first piece to the last. */
function createListings(tree: FileSystem, out: Buffer) {
  const kept = new Map<NodeId, readonly DirectoryEntry[]>()

  function entriesOf(node: NodeId, offset: number): readonly DirectoryEntry[] {
    const known = offset === 0 ? undefined : kept.get(node)
    if (known) return known
    const entries: DirectoryEntry[] = [
      { name: '.', node, type: 'dir' },
      { name: '..', node, type: 'dir' },
      ...tree.entries(node),
    ]
    kept.set(node, entries)
    return entries
  }

  return {
    write(node: NodeId, offset: number, room: number, withAttributes: boolean): number {
      const entries = entriesOf(node, offset)
      const extra = withAttributes ? ENTRY_BYTES : 0
      let size = 0
      let index = offset
      for (; index < entries.length; index++) {
        const entry = entries[index]
        if (!entry || size + extra + direntBytes(entry.name.length) > Math.min(room, MAX_READ_BYTES)) break
        const at = OUT_HEADER_BYTES + size
        // The kernel knows the folder and its parent: for them an entry without a node.
        const child = index < 2 ? 0 : entry.node
        if (withAttributes) writeEntry(out, child, child === 0 ? undefined : tree.attributes(child), at)
        size += extra + writeDirent(out, entry, index + 1, at + extra)
      }
      if (index >= entries.length) kept.delete(node)
      return size
    },
  }
}
