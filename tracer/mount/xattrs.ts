/** Extended attributes of a tree on disk, by `getfattr`: Node can't read them. */
import { tryCommand } from '../../system/command.ts'
import { codeOf } from '../../system/errors.ts'
import { withoutEscapes } from '../../system/mounts.ts'

/** [path, [name, value in base64][]][], paths as byte text without the folder */
export type XattrList = [path: string, attributes: [name: string, value: string][]][]

const EVERYTHING = [
  '--recursive',
  '--physical',
  '--no-dereference',
  '--absolute-names',
  '--dump',
  '--match=-',
  '--encoding=base64',
]

/** @returns undefined where getfattr is not installed */
export async function readXattrs(folder: string): Promise<XattrList | undefined> {
  try {
    const { stdout } = await tryCommand('getfattr', [...EVERYTHING, folder], { encoding: 'latin1' })
    return parseXattrs(stdout, Buffer.from(folder).toString('latin1'))
  } catch (error) {
    if (codeOf(error) === 'E_NOT_INSTALLED') return undefined
    throw error
  }
}

/** overlayfs keeps its own metadata in these, and ACLs need more than an attribute. */
const IGNORED = /^(trusted\.overlay\.|system\.)/

/** Pure, of byte text: `# file: PATH`, then a line `NAME=0sBASE64` per attribute, then an empty one. */
function parseXattrs(dump: string, folder: string): XattrList {
  return dump.split('\n\n').flatMap((block): XattrList => {
    const [title, ...lines] = block.trim().split('\n')
    if (!title?.startsWith('# file: ')) return []
    const attributes = lines.flatMap((line): [string, string][] => {
      const at = line.indexOf('=')
      const name = withoutEscapes(line.slice(0, at))
      return at < 1 || IGNORED.test(name) ? [] : [[name, line.slice(at + 1).replace(/^0s/, '')]]
    })
    const path = withoutEscapes(title.slice('# file: '.length)).slice(folder.length + 1)
    return attributes.length === 0 ? [] : [[path, attributes]]
  })
}
