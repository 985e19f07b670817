/** Which files belong to which package, from the package managers' databases in an image. Pure, except for the reads passed in. */
import type { BytePath } from '../../system/text/byte-path.ts'

export type Manager = 'dpkg' | 'apk' | 'npm' | 'pip'

export interface Package {
  readonly manager: Manager
  readonly name: string
  /** regular files, as the image has them */
  readonly files: readonly BytePath[]
}

export interface FileList {
  /** size of each regular file by path */
  readonly sizes: ReadonlyMap<BytePath, number>
  /** links at the root, so that `lib/x` is found as `usr/lib/x` */
  readonly rootLinks: readonly { readonly name: string; readonly target: string }[]
  read(path: BytePath): Promise<string>
}

/** Packages of all managers that have at least one file in the image. */
export async function findPackages(list: FileList): Promise<Package[]> {
  const locate = locator(list)
  const found: Package[] = []
  for (const path of list.sizes.keys()) {
    const dpkg = /^var\/lib\/dpkg\/info\/([^/:]+)(?::[^/]+)?\.list$/.exec(path)?.[1]
    if (dpkg !== undefined) found.push(packageOf('dpkg', dpkg, dpkgFiles(await list.read(path)), locate))
    const pip = /^((?:.*\/)?(?:site|dist)-packages\/)([^/]+)-[^/-]+\.dist-info\/RECORD$/.exec(path)
    if (pip?.[1] !== undefined && pip[2] !== undefined)
      found.push(packageOf('pip', pip[2], pipFiles(await list.read(path), pip[1]), locate))
    if (path === 'lib/apk/db/installed' || path === 'usr/lib/apk/db/installed')
      for (const [name, files] of apkPackages(await list.read(path)))
        found.push(packageOf('apk', name, files, locate))
  }
  return [...found, ...npmPackages(list)].filter(({ files }) => files.length > 0)
}

function packageOf(
  manager: Manager,
  name: string,
  files: readonly string[],
  locate: (path: string) => BytePath | undefined,
): Package {
  return { manager, name, files: files.map(locate).filter((path) => path !== undefined) }
}

/** Maps a path in a package's list to the image's path, if that is a regular file. */
function locator({ sizes, rootLinks }: FileList): (path: string) => BytePath | undefined {
  const links = new Map(rootLinks.map(({ name, target }) => [name, target.replace(/^\/|\/$/g, '')]))
  return (path) => {
    if (sizes.has(path)) return path
    const slash = path.indexOf('/')
    const target = links.get(path.slice(0, Math.max(0, slash)))
    const real = target === undefined ? path : target + path.slice(slash)
    return sizes.has(real) ? real : undefined
  }
}

const dpkgFiles = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/^\/+/, ''))
    .filter((line) => line !== '' && line !== '.')

/** RECORD is CSV: path, digest, size; paths are relative to the folder of packages, and may leave it. */
function pipFiles(text: string, folder: string): string[] {
  return text.split('\n').flatMap((line) => {
    const quoted = /^"((?:[^"]|"")*)"/.exec(line)?.[1]?.replaceAll('""', '"')
    const name = quoted ?? line.split(',')[0] ?? ''
    return name === '' ? [] : [withoutDots(name.startsWith('/') ? name.slice(1) : folder + name)]
  })
}

function withoutDots(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/** apk's database: `P:` names a package, `F:` a folder, `R:` a file in the last one; an empty line ends a package. */
function apkPackages(text: string): Map<string, string[]> {
  const packages = new Map<string, string[]>()
  for (const block of text.split('\n\n')) {
    let folder = ''
    const files: string[] = []
    for (const line of block.split('\n')) {
      if (line.startsWith('F:')) folder = line.slice(2)
      if (line.startsWith('R:')) files.push(folder === '' ? line.slice(2) : `${folder}/${line.slice(2)}`)
    }
    const name = /^P:(.+)$/m.exec(block)?.[1]
    if (name !== undefined) packages.set(name, files)
  }
  return packages
}

/** A folder of its own in some `node_modules`; what is nested in a further one is a package of its own. */
function npmPackages({ sizes }: FileList): Package[] {
  const packages = new Map<string, { name: string; files: BytePath[] }>()
  for (const path of sizes.keys()) {
    const at = path.lastIndexOf('node_modules/')
    if (at === -1 || (at > 0 && path[at - 1] !== '/')) continue
    const inside = path.slice(at + 'node_modules/'.length)
    const name = /^(@[^/]+\/[^/]+|[^@./][^/]*)\//.exec(inside)?.[1]
    if (name === undefined) continue
    const folder = path.slice(0, at) + name
    const known = packages.get(folder) ?? { name, files: [] }
    known.files.push(path)
    packages.set(folder, known)
  }
  return [...packages.values()].map((one) => ({ manager: 'npm', ...one }))
}
