/**
 * What a FUSE server serves: a read-only tree of numbered nodes. `directory` (a tree on disk) and `lazy` (eStargz layers read
 * over ranges) implement it, `recording` wraps either. Servers (fuse-native, the kernel protocol) only translate.
 *
 * Everything but `read` is answered from memory and synchronous: a listing must not wait for a disk or a network.
 */

/** Index of a node; the root is 1, as in the kernel's protocol. Hardlinks share a node. */
export type NodeId = number
export const ROOT_NODE: NodeId = 1

export type NodeType = 'dir' | 'reg' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket'

/** The type in `st_mode`, as inode(7) has it. */
export const FILE_TYPE_BITS: Readonly<Record<NodeType, number>> = {
  fifo: 0o010000,
  char: 0o020000,
  dir: 0o040000,
  block: 0o060000,
  reg: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
}

export interface NodeAttributes {
  readonly type: NodeType
  /** permission bits with setuid, setgid and sticky: 0o0000 to 0o7777 */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly nlink: number
  /** used on disk, of 512 bytes each */
  readonly blocks: number
  /** whole seconds since 1970; the rest is in nanoseconds, which are never negative */
  readonly mtimeSeconds: number
  readonly mtimeNanoseconds: number
  readonly rdevMajor: number
  readonly rdevMinor: number
}

/** File names are bytes, as latin1 text with one code unit a byte, so that no byte is lost; see `system/text/byte-path.ts`. */
export type ByteString = string

/** The kernel passes FUSE file systems longer names than disks allow. */
export const MAX_NAME_BYTES = 255

export interface DirectoryEntry {
  readonly name: ByteString
  readonly node: NodeId
  readonly type: NodeType
}

export interface FileSystem {
  lookup(parent: NodeId, name: ByteString): NodeId | undefined
  attributes(node: NodeId): NodeAttributes
  /** without `.` and `..` */
  entries(node: NodeId): readonly DirectoryEntry[]
  readlink(node: NodeId): ByteString
  /** undefined where the node has no such attribute */
  xattr(node: NodeId, name: string): Buffer | undefined
  xattrs(node: NodeId): readonly string[]
  /** True when no node has any extended attribute: servers may then tell the kernel to stop asking. */
  readonly withoutXattrs: boolean
  /** True when some node's time is before 1970, which not every server can say. */
  readonly withOldTimes: boolean
  /** sha256 of a regular file's content, if it is known without reading the file */
  digest(node: NodeId): string | undefined
  /** all regular files of the tree, each hardlinked one counted once */
  readonly totals: { readonly files: number; readonly bytes: number }
  /** a path of the node, byte text, if one is known independently of lookups */
  pathOf?(node: NodeId): string
  /** Called at each open; throws if the content is not available. */
  open(node: NodeId): void
  /** Shorter than `length` only at the end of the file. Rejects rather than return a wrong byte. */
  read(node: NodeId, offset: number, length: number): Promise<Buffer>
  /**
   * The same, synchronously, if the content is on this machine: switching threads and back costs more than most reads, which the page
   * cache answers. Throws where `read` would reject.
   * @returns how many bytes of `target` it filled: all of them, unless the file ends before
   */
  readInto?(node: NodeId, offset: number, target: Buffer): number
}
