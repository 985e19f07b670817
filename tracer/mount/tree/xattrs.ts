/** Extended attributes of files on disk, by `getfattr`: Node can't read them. `xargs` takes names that aren't text, and any number of them. */

import { codeOf, HeadstartError } from '../../../system/errors.ts'
import { withoutEscapes } from '../../../system/mounts.ts'
import { tryCommand } from '../../../system/process/command.ts'
import type { BytePath } from '../../../system/text/byte-path.ts'

/** by name, byte text */
export type Xattrs = ReadonlyMap<string, Uint8Array>

type Give = (found: Xattrs) => void

export interface XattrReader {
  /** @param give called while `read` runs, if the file has any; `path` stays valid until then */
  add(path: BytePath, give: Give): void
  /** Enough has been added for a `read`. */
  readonly isFull: boolean
  /** @throws HeadstartError E_FUSE */
  read(): Promise<void>
}

const MAX_ASKED = 16_384
/** of all files together: they are kept in memory */
const MAX_BYTES = 128 << 20

const COMMAND = [
  '--null',
  '--no-run-if-empty',
  'getfattr',
  '--no-dereference',
  '--absolute-names',
  '--dump',
  '--match=-',
  '--encoding=base64',
  '--',
]
/** xargs found no getfattr. */
const NOT_INSTALLED = 127

/** Without `getfattr` or `xargs` on this machine, no file has attributes. */
export function createXattrReader(): XattrReader {
  const asked = new Map<BytePath, Give>()
  let isInstalled = true
  let bytes = 0

  async function ask(): Promise<void> {
    const dump = isInstalled ? await dumpOf([...asked.keys()]) : undefined
    if (dump === undefined) {
      isInstalled = false
      return
    }
    for (const [path, found] of parseXattrs(dump)) {
      for (const value of found.values()) bytes += value.length
      if (bytes > MAX_BYTES) throw tooMany()
      asked.get(path)?.(found)
    }
  }

  return {
    add(path, give) {
      asked.set(path, give)
    },
    get isFull() {
      return asked.size >= MAX_ASKED
    },
    async read() {
      await ask()
      asked.clear()
    },
  }
}

/** @returns undefined where a program is not installed */
async function dumpOf(paths: readonly BytePath[]): Promise<string | undefined> {
  const input = Buffer.from(paths.join('\0'), 'latin1')
  try {
    const { status, stdout } = await tryCommand('xargs', COMMAND, { input, encoding: 'latin1' })
    return status === NOT_INSTALLED ? undefined : stdout
  } catch (error) {
    if (codeOf(error) === 'E_NOT_INSTALLED') return undefined
    throw error
  }
}

const tooMany = (): HeadstartError =>
  new HeadstartError(
    'E_FUSE',
    `the extended attributes of the image's files take more than ${MAX_BYTES >> 20} MiB`,
  )

/** overlayfs keeps its own metadata in these, and ACLs need more than an attribute. */
const IGNORED = /^(trusted\.overlay\.|system\.)/

/** Pure, of byte text: `# file: PATH`, then a line `NAME=0sBASE64` per attribute, then an empty one. */
function parseXattrs(dump: string): [BytePath, Xattrs][] {
  return dump.split('\n\n').flatMap((block): [BytePath, Xattrs][] => {
    const [title, ...lines] = block.trim().split('\n')
    if (!title?.startsWith('# file: ')) return []
    const attributes = lines.flatMap((line): [string, Buffer][] => {
      const at = line.indexOf('=')
      const name = withoutEscapes(line.slice(0, at))
      if (at < 1 || IGNORED.test(name)) return []
      return [[name, Buffer.from(line.slice(at + 1).replace(/^0s/, ''), 'base64')]]
    })
    return attributes.length === 0
      ? []
      : [[withoutEscapes(title.slice('# file: '.length)), new Map(attributes)]]
  })
}
