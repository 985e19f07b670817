/** Where a mount can't answer as a folder does: which questions, how both answer, and why. A row that no answer needs fails the test. */
import type { ServerName } from '../../../../tracer/mount/mount.ts'

export interface Difference {
  /** questions, as probe.py names them */
  readonly of: RegExp
  readonly explains: (folder: unknown, mount: unknown) => boolean
  readonly why: string
}

const DIFFERENCES: readonly (Difference & { readonly server?: ServerName })[] = [
  {
    server: 'fuse-native',
    of: /: lstat\.mtime /,
    explains: (folder, mount) => {
      const milliseconds = BigInt(String(folder)) / 1_000_000n
      return mount === String(milliseconds * 1_000_000n)
    },
    why: 'fuse-native takes times as milliseconds since 1970',
  },
  {
    server: 'fuse-native',
    of: /: (readlink|readlink, cut) links\/long bytes$/,
    explains: (_, mount) => mount === 'ENAMETOOLONG',
    why: 'fuse-native has room for 4096 bytes of UTF-8, and a byte above 0x7f takes two of them',
  },
  {
    of: /: lseek (data|hole) \d+ content\/sparse$/,
    explains: (_, mount) => typeof mount === 'number',
    why: 'Node has no lseek: all of a file counts as data, which every program has to cope with',
  },
  {
    of: /: getxattr odd /,
    explains: (folder, mount) => folder === 'ENOTSUP' && mount === 'ENODATA',
    why: 'a name outside of all namespaces is just a name that is not there',
  },
  {
    of: /: listxattr (attributes\/some|links\/0)$/,
    explains: (folder, mount) =>
      JSON.stringify(mount).includes('"trusted.') && !JSON.stringify(folder).includes('"trusted.'),
    why: 'names that only root may see are left out by the overlay that lies over the mount',
  },
]

export const differencesOf = (server: ServerName): readonly Difference[] =>
  DIFFERENCES.filter((one) => one.server === undefined || one.server === server)
