/** What one entry of a tar is, whichever of the format's dialects wrote it. Strings are bytes, see system/text/byte-path.ts. */
import type { BytePath } from '../../system/text/byte-path.ts'

export const BLOCK = 512

/** The types of eStargz's TOC. */
export type TarType = 'dir' | 'reg' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo'

/** What a tar's header and a table of contents both say of an entry. */
export interface EntryFacts {
  /** normalised */
  readonly path: BytePath
  /** as found; a directory's ends with `/` in most tars */
  readonly name: string
  readonly type: TarType
  /** bytes of content; of a sparse file with its holes */
  readonly size: number
  /** permission bits with setuid, setgid and sticky: 0o0000 to 0o7777 */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly uname: string
  readonly gname: string
  /** seconds since 1970, with a fraction where a tar has one */
  readonly mtime: number
  /** of symlinks and hardlinks, as found; else `''` */
  readonly linkName: string
  /** of hardlinks: normalised target */
  readonly linkPath: BytePath | undefined
  readonly devMajor: number
  readonly devMinor: number
  /** by full name, `security.capability` */
  readonly xattrs: ReadonlyMap<string, Buffer>
}

export interface TarEntry extends EntryFacts {
  /** all header blocks that describe this entry alone, byte for byte: PAX and GNU long-name blocks, then its own */
  readonly header: Buffer
  /** its own PAX records */
  readonly pax: ReadonlyMap<string, string>
  /** The header describes the entry completely and may be moved anywhere: no sparse map, no meaningless size. */
  readonly standsAlone: boolean
}

/** Zero bytes that follow `size` bytes of content. */
export const paddingOf = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK
