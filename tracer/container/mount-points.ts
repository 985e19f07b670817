/**
 * Makes sure that the places in a container's root where an engine mounts or writes are real folders and files, whatever the image has
 * there. runc makes devices and links in /dev before it changes the root: through a symlink it would make (and remove) them on the host.
 *
 * Docker does the same for its own containers, in a layer between the image and the container's writable layer.
 */
import { lstat, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytePathOf, RootFolder } from '../../system/files/secure-join.ts'
import { ancestorsOf, type BytePath, textOf } from '../../system/text/byte-path.ts'
import type { Bind } from './options/run-options.ts'
import type { ContainerRequest } from './types.ts'

/** The engine mounts these itself. */
export const ENGINE_FOLDERS: readonly string[] = ['dev', 'proc', 'sys']
export const NETWORK_FILES = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf']
/** The engine opens and reads these in the container, whoever is to run there: of a pipe it would wait for the end, and couldn't be stopped. */
const USER_FILES = ['etc/passwd', 'etc/group']

/** @returns the same request, with its binds' targets resolved through the image's symlinks */
export async function prepareMountPoints(request: ContainerRequest): Promise<ContainerRequest> {
  const replaced = new Set<string>()
  for (const path of [...ENGINE_FOLDERS, ...NETWORK_FILES]) {
    const isFile = NETWORK_FILES.includes(path)
    for (const folder of [...ancestorsOf(path), ...(isFile ? [] : [path])])
      await makeReal(request, folder, 'folder', replaced)
    if (isFile) await makeReal(request, path, 'file', replaced)
  }
  const { options, root, plainRoot } = request
  for (const path of USER_FILES) await makeReadable(root, replaced.size > 0 ? root : plainRoot, path)
  if (!options.binds) return request
  // In the tree whose reads are not recorded, if it is still the same.
  const binds = resolveTargets(replaced.size > 0 ? root : plainRoot, options.binds)
  return { ...request, options: { ...options, binds } }
}

/** What is right is left alone, and the engine makes what is missing; it refuses a folder in a file's place, as Docker does. */
async function makeReal(
  { root, plainRoot }: ContainerRequest,
  path: string,
  type: 'folder' | 'file',
  replaced: Set<string>,
): Promise<void> {
  if ([...ancestorsOf(path), path].some((one) => replaced.has(one))) return
  const found = await lstat(join(plainRoot, path)).catch(() => undefined)
  if (!found || found.isDirectory() || (type === 'file' && found.isFile())) return
  replaced.add(path)
  await rm(join(root, path))
  if (type === 'file') await writeFile(join(root, path), '', { flag: 'wx' })
  else await mkdir(join(root, path))
}

/** A symlink to a regular file is left alone, as are a folder and a dangling symlink: the engine can deal with them. */
async function makeReadable(root: string, seen: string, path: string): Promise<void> {
  const folder = new FolderOfEngine(seen)
  const stats = folder.stat(folder.join(path))
  if (!folder.isEngines && (!stats || stats.isFile() || stats.isDirectory())) return
  await rm(join(root, path))
  await writeFile(join(root, path), '', { flag: 'wx' })
}

/** The folders that the engine mounts are not the image's: a symlink that leads there may end at anything. */
class FolderOfEngine extends RootFolder {
  isEngines = false

  protected override linkTarget(path: BytePath): string | undefined {
    if (ENGINE_FOLDERS.includes(path.split('/')[0] ?? '')) this.isEngines = true
    return super.linkTarget(path)
  }
}

/** As the engine will find them: below another bind or one of the engine's mounts, the image's own symlinks don't apply. */
function resolveTargets(root: string, binds: readonly Bind[]): Bind[] {
  const folder = new RootFolder(root)
  const places = new Map(ENGINE_FOLDERS.map((name) => [`/${name}`, `/${name}`]))
  const resolved = new Map<Bind, Bind>()
  for (const bind of [...binds].sort((a, b) => a.target.length - b.target.length)) {
    const above = [...places.keys()].findLast((place) => bind.target.startsWith(`${place}/`))
    const target =
      above === undefined
        ? `/${textOf(folder.join(bytePathOf(bind.target)))}`
        : `${places.get(above)}${bind.target.slice(above.length)}`
    places.set(bind.target, target)
    resolved.set(bind, { ...bind, target })
  }
  return binds.map((bind) => resolved.get(bind) ?? bind)
}
